/** The text of a dialplan as `proxima check` judges it, without a file. */
import { validateText } from '../../dialplans/network/validate.ts'

export function loadDialplanText(text: string): ReturnType<typeof validateText> {
  return validateText('fuzzed.yaml', text, 'dialplan')
}
