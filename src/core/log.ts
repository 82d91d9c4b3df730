/** Takes one line for the person who debugs: no secrets, no line breaks. */
export type Log = (line: string) => void
