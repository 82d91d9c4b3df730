import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, stack, stackOrderReverse } from 'd3-shape'
import { printable } from '../../../core/printable.ts'
import { formatSize } from '../../quantities.ts'
import { type Counted, nameOf } from './counted.ts'
import type { Point } from './history.ts'

/**
 * Told apart by most people who do not see all colours (Okabe and Ito); the last is of all others.
 */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#c4c8cc']

/** In pixels. */
const [WIDTH, HEIGHT] = [960, 440]
const MARGIN = { top: 64, right: 250, bottom: 40, left: 84 }
const [RIGHT, BOTTOM] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom]

/** A chart of how a store grew, as the text of an SVG. */
export function plotOf(store: string, points: readonly Point[], largest: readonly Counted[]): string {
  const runs = [...points].sort((a, b) => a.timeMs - b.timeMs)
  const [first, last] = [runs[0], runs.at(-1)]
  if (first === undefined || last === undefined) return ''
  // A single run has no width: it is drawn as a day.
  const [from, to] = runs.length > 1 ? [first.timeMs, last.timeMs] : [first.timeMs - 86_400_000, first.timeMs]
  const drawn = runs.length > 1 ? runs : [{ ...first, timeMs: from }, last]
  const most = Math.max(1, ...runs.map((run) => run.fileBytes))
  // Numbers below ten would have ticks at odd sizes: 1.5 TiB are 1536 GiB.
  const unit = 1024 ** Math.max(0, Math.min(5, Math.floor(Math.log2(most / 10) / 10)))
  const [, unitName] = formatSize(unit).split(' ')
  const x = scaleUtc([from, to], [MARGIN.left, RIGHT])
  const y = scaleLinear([0, most / unit], [BOTTOM, MARGIN.top]).nice(5)
  const shown = largest.slice(0, COLOURS.length - 1)
  const keys = [...shown.map(({ dataset }) => dataset), '']
  const sizeOf = (run: Point, id: string) =>
    id === '' ? Math.max(0, run.fileBytes - sum([...run.of.values()])) : (run.of.get(id) ?? 0)
  const layers = stack<Point>()
    .keys(keys)
    .value((run, id) => sizeOf(run, id) / unit)
    .order(stackOrderReverse)(drawn)
  const shape = area<(typeof layers)[number][number]>()
    .x(({ data }) => x(data.timeMs))
    .y0((layer) => y(layer[0]))
    .y1((layer) => y(layer[1]))
  const others = last.datasets - shown.length
  const labels = [...shown.map(nameOf), others === 1 ? 'one other' : `${others} others`]
  const used = keys.map((id, i) => ({ id, i, bytes: sizeOf(last, id) })).filter(({ id }) => id !== '' || others > 0)
  const title = `${store}: ${formatSize(last.fileBytes)} in ${last.datasets} datasets`
  const subtitle = subtitleOf(runs, first, last)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" \
role="img" font-family="system-ui, sans-serif" font-size="13" fill="#24292f">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(subtitle)}</desc>`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    text(MARGIN.left, 28, title, 'font-size="17" font-weight="600"'),
    text(MARGIN.left, 48, subtitle, 'fill="#57606a"'),
    ...y
      .ticks(5)
      .map(
        (tick) =>
          `<path d="M${MARGIN.left},${at(y(tick))}H${RIGHT}" stroke="#d0d7de"/>` +
          text(MARGIN.left - 8, y(tick) + 4, `${tick} ${unitName}`, 'text-anchor="end"'),
      ),
    ...layers
      .filter(({ key }) => key !== '' || others > 0)
      .map((layer) => `<path d="${shape(layer) ?? ''}" fill="${colour(keys.indexOf(layer.key))}"/>`),
    ...x
      .ticks(6)
      .map(
        (tick) =>
          `<path d="M${at(x(tick))},${BOTTOM}v6" stroke="#57606a"/>` +
          text(x(tick), BOTTOM + 22, x.tickFormat(6)(tick), 'text-anchor="middle"'),
      ),
    `<path d="M${MARGIN.left},${BOTTOM}H${RIGHT}" stroke="#57606a"/>`,
    ...used.map(({ i, bytes }, row) => {
      const top = MARGIN.top + row * 24
      return (
        `<rect x="${RIGHT + 20}" y="${top}" width="14" height="14" rx="2" fill="${colour(i)}"/>` +
        text(RIGHT + 42, top + 12, `${shortened(labels[i] ?? '')}  ${formatSize(bytes)}`)
      )
    }),
    '</svg>\n',
  ].join('\n')
}

function subtitleOf(runs: readonly Point[], first: Point, last: Point): string {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  if (runs.length === 1) return `counted on ${day(first.timeMs)}, for the first time: growth shows from the next run on`
  const grown = last.fileBytes - first.fileBytes
  const sign = grown < 0 ? '-' : '+'
  return `counted on ${day(last.timeMs)}: ${sign}${formatSize(Math.abs(grown))} since ${day(first.timeMs)}, ${runs.length} runs`
}

const sum = (all: readonly number[]) => all.reduce((total, each) => total + each, 0)
const colour = (i: number) => COLOURS[Math.min(i, COLOURS.length - 1)] ?? '#c4c8cc'
const at = (pixels: number) => pixels.toFixed(1)
const shortened = (name: string) => (name.length > 20 ? `${name.slice(0, 19)}…` : name)

function text(x: number, y: number, content: string, more = ''): string {
  return `<text x="${at(x)}" y="${at(y)}"${more && ` ${more}`} xml:space="preserve">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return printable(content).replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`)
}
