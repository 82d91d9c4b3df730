/** The user's own, in tests. */
export const GIT_CONFIG = `[user]
\tname = A Tester
\temail = tester@example.com
[init]
\tdefaultBranch = main
[safe]
\tdirectory = *
[protocol "file"]
\tallow = always
[annex]
\tsshcaching = true
[datalad "ui"]
\tprogressbar = none
`
