/** Scripts that shells read: each hands the line over to `proxima completion --line`, and offers what that prints. */

/** A line of output is a word, a tab and its description; or `:files` with endings, or `:folders`. */
const ask = 'proxima completion --line "$line" 2>/dev/null'

const bash = `# bash completion of proxima; in ~/.bashrc: source <(proxima completion bash)
_proxima() {
  local line=\${COMP_LINE:0:COMP_POINT} lead= text file
  local word=\${line##*[[:space:]]} breaks=\${COMP_WORDBREAKS//[^:=@]/}
  # bash ends words at these signs, too, and replaces only what comes behind the last
  [[ -n $breaks && $word == *[$breaks]* ]] && lead=\${word%"\${word##*[$breaks]}"}
  COMPREPLY=()
  while IFS= read -r text; do
    case $text in
      :folders | :files*)
        compopt -o filenames 2>/dev/null
        while IFS= read -r file; do
          if [[ -d $file || $text == :files || ( $text != :folders && " $text " == *" \${file##*.} "* ) ]]; then
            COMPREPLY+=("\${file#"$lead"}")
          fi
        done < <(compgen -f -- "$word") ;;
      *)
        text=\${text%%$'\\t'*}
        COMPREPLY+=("\${text#"$lead"}") ;;
    esac
  done < <(${ask})
}
complete -F _proxima proxima
`

const zsh = `#compdef proxima
# zsh completion of proxima; in ~/.zshrc behind compinit: source <(proxima completion zsh)
_proxima() {
  local line="\${(j: :)words[1,CURRENT-1]} $PREFIX" text word tab=$'\\t'
  local -a offered endings
  for text in "\${(@f)$(${ask})}"; do
    case $text in
      ('') ;;
      (:folders) _files -/ ;;
      (:files) _files ;;
      (:files*)
        endings=(\${=text#:files})
        _files -g "\${(j: :)\${endings[@]/#/*.}}" ;;
      (*)
        word=\${text%%$tab*}
        offered+=("\${word//:/\\\\:}:\${text#*$tab}") ;;
    esac
  done
  (( $#offered )) && _describe -t words proxima offered
}
if [[ $funcstack[1] == _proxima ]]; then _proxima "$@"; else compdef _proxima proxima; fi
`

const fish = `# fish completion of proxima; proxima completion fish > ~/.config/fish/completions/proxima.fish
function __proxima_words
  set -l line (commandline -cp)
  for text in (${ask})
    switch $text
      case ':folders'
        __fish_complete_directories (commandline -ct) ''
      case ':files'
        __fish_complete_path (commandline -ct)
      case ':files*'
        set -l endings (string split -n ' ' -- (string replace ':files' '' -- $text))
        set -l wanted '^[^\\t]*(?:/|\\.(?:'(string join '|' -- $endings)'))(?:\\t.*)?$'
        __fish_complete_path (commandline -ct) | string match -r -- $wanted
      case '*'
        echo $text
    end
  end
end
complete -c proxima -f -a '(__proxima_words)'
`

export const completionScripts: { readonly [shell: string]: string } = { bash, zsh, fish }
