import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import type { COMPLETION } from '../table/help.ts'

/**
 * Each asks `riastore complete-words` with all words up to the cursor, and completes paths where
 * there is no answer. Bash takes `:` for the end of a word: what stands before the last one is cut
 * off from the answers. Zsh runs the script itself where it finds it as a file of its own.
 */
const SCRIPTS = {
  bash: `_riastore() {
  local words=("\${COMP_WORDS[@]}") line=\${COMP_LINE:0:COMP_POINT} last
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  last=\${words[\${#words[@]} - 1]}
  mapfile -t COMPREPLY < <(riastore complete-words -- "\${words[@]:1}" 2>/dev/null)
  if [[ $last == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${last%:*}:"}")
  fi
}
complete -o default -F _riastore riastore
`,
  zsh: `#compdef riastore
_riastore() {
  local -a found
  found=("\${(@f)$(riastore complete-words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n \${found[1]} ]]; then compadd -Q -- "\${(@q)found}"; else _files; fi
}
if [[ $funcstack[1] == _riastore ]]; then _riastore "$@"; else compdef _riastore riastore; fi
`,
  fish: `function __riastore_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (riastore complete-words -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c riastore -f -a '(__riastore_complete)'
`,
} as const

/** `riastore completion` */
export async function run(console: Console, { shell }: ArgsOf<typeof COMPLETION>): Promise<number> {
  console.print(SCRIPTS[shell].trimEnd())
  return EXIT.done
}
