/** Content that runs, or may run something, when it is opened: by its type, and by its first bytes whatever its type says. */

const types: ReadonlySet<string> = new Set(
  [
    'application/x-desktop application/x-shellscript application/x-sh application/x-csh application/x-executable',
    'application/x-elf application/x-sharedlib application/x-pie-executable application/x-mach-binary',
    'application/x-dosexec application/x-msdownload application/x-msdos-program application/x-ms-shortcut application/x-msi',
    'application/vnd.microsoft.portable-executable application/x-bat application/x-batch application/hta application/x-hta',
    'application/java-archive application/x-java-archive application/java application/java-vm application/x-java-jnlp-file',
    'application/javascript application/ecmascript application/x-javascript application/wasm application/x-httpd-php',
    'application/x-python-code application/x-python application/x-perl application/x-ruby application/x-php application/x-lua',
    'application/vnd.debian.binary-package application/x-deb application/x-rpm application/vnd.android.package-archive',
    'application/vnd.appimage application/x-iso9660-appimage application/vnd.flatpak application/vnd.flatpak.ref application/vnd.snap',
    'application/xhtml+xml application/x-mswinurl application/x-shockwave-flash application/x-theme application/x-msmetafile',
    'application/vnd.ms-word.document.macroenabled.12 application/vnd.ms-excel.sheet.macroenabled.12',
    'application/vnd.ms-powerpoint.presentation.macroenabled.12 application/x-trash inode/symlink image/svg+xml',
    'text/html text/x-shellscript text/x-sh text/x-python text/x-python3 text/x-perl text/x-ruby text/x-lua text/x-tcl text/x-php',
    'text/javascript text/ecmascript text/x-makefile text/x-uri text/uri-list',
  ].flatMap((line) => line.split(' ')),
)
const looked = 1024 // bytes
/** Beginnings in Latin-1: ELF, Mach-O, DOS and Windows, Java classes, archives that may be jar files, packages, scripts. */
const beginnings = ['\x7fELF', '\xfe\xed\xfa', '\xce\xfa\xed\xfe', '\xcf\xfa\xed\xfe', '\xca\xfe\xba\xbe', 'MZ', 'PK\x03\x04']
const packages = ['!<arch>', '\xed\xab\xee\xdb', '\0asm', '#!']
const zipped = /^application\/(?:vnd\.(?:openxmlformats|oasis)[\w.+-]*|epub\+zip)$/ // documents that are archives, not programs
const markup = /^(?:\s|<!--[\s\S]*?-->|<\?xml[\s\S]*?\?>)*<(?:!doctype\s+html|html|script|svg|hta:)/i

/** `type`: media type without parameters. */
export function isExecutable(type: string, content: Buffer): boolean {
  const lower = type.toLowerCase()
  if (types.has(lower)) return true
  const start = content
    .subarray(0, looked)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
  if (start.startsWith('PK') && zipped.test(lower)) return false
  if ([...beginnings, ...packages].some((beginning) => start.startsWith(beginning))) return true
  return markup.test(start) || /^\s*(?:#[^\n]*\n\s*)*\[(?:Desktop Entry|InternetShortcut)\]/.test(start)
}
