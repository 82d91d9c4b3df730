import type { SiteOptionName } from './options.ts'

/** `gitlabGroup` as an argument: `--gitlab-group`. */
export function optionFlag(option: SiteOptionName): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
