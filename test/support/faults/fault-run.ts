import { setTimeout as sleep } from 'node:timers/promises'
import type { ArchiveProgram } from '../programs/archive-program.ts'
import { type Result, type Running, start } from '../programs/run.ts'
import { isRoot } from '../programs/users.ts'
import type { Workspace } from '../worlds/workspace.ts'
import { Client } from './client.ts'
import { Crowd } from './crowd.ts'
import { numbersOf, pick, type Random } from './numbers.ts'
import { Pusher } from './pusher.ts'
import type { Subject } from './subject.ts'
import { newToll, type Toll, Verdict } from './toll.ts'
import { beginWeather, chooseWeather, cutWhileStopped, isBad, isOfDisk, type Weather } from './weather.ts'

export interface FaultPlan {
  readonly seed: number
  readonly kills: number
  readonly stops: number
  /** Then no further step is begun, whatever was done by then. ms. */
  readonly budgetMs?: number | undefined
  /** What no program may take longer for, besides what it waits for a lock in S3. ms. */
  readonly hangMs: number
  /** What is done, instead of what the seed chooses. */
  readonly only?: Command | undefined
  /** The network and the disk stay as they are: nothing but the stop goes wrong. */
  readonly clear?: boolean
  /** Clients store and drop nothing. */
  readonly looksOnly?: boolean | undefined
}

export type Command = 'archive' | 'unarchive' | 'gc'

/** A dataset, and where clients of it and what they have lie. No two lanes share anything. */
export interface Lane {
  readonly workspace: Workspace
  readonly subject: Subject
}

/** What each step rests on. */
interface Step {
  readonly random: Random
  readonly command: Command
  /** What somebody on another host does. */
  readonly other: Command
  readonly how: 'kill' | 'stop' | 'neither'
  readonly weather: Weather
}

/** Whoever takes a lock away in S3 waits for what may be under way. ms. */
const LOCK_WAIT_MS = 20_000

/** What `riastore gc` leaves to those who are about to push. */
const GRACE = '2m'

/**
 * How it may end. When it was stopped, somebody else may have its lock, or have done its work; that
 * the store cannot be reached it may say only where there is a network, and something happened to
 * it.
 */
const ENDS = { clear: [0], disturbed: [0, 1, 5], cut: [0, 1, 4, 5] }

/** Of a program that was stopped, or that the weather disturbed. */
function endsIn(weather: Weather): readonly number[] {
  return isBad(weather) && !isOfDisk(weather) ? ENDS.cut : ENDS.disturbed
}

/** Of a program that nobody stopped. Others may put packs together just now. */
function endsUnstopped(command: Command, weather: Weather): readonly number[] {
  return isBad(weather) || command === 'gc' ? endsIn(weather) : ENDS.clear
}

/** So many durations of each command are remembered, for moments to be drawn from. */
const LAST = 4

/** So many steps a lane can have, so that no two have the same numbers. */
const MOST_STEPS = 100_000

/**
 * Packs, unpacks and puts packs together, and kills or stops the program at moments that the seed
 * chooses, with the network cut or frozen, and the disk full or read-only. While it is stopped, and
 * sometimes when it is dead, somebody on another host breaks its lock and does the same; then the
 * stopped one goes on. What is dead is often left to the next step. Clients store, get, drop and
 * look all the time, and push. After each step all that they were told is compared with what is
 * there. This is done in each lane, at the same time, until all together have what is planned. Ends
 * early with the first problem.
 */
export async function runFaults(lanes: readonly Lane[], riastore: ArchiveProgram, plan: FaultPlan): Promise<Toll> {
  const toll = newToll()
  await Promise.all(lanes.map((lane, number) => new FaultRun(lane, number, riastore, plan, toll).all()))
  return toll
}

class FaultRun {
  readonly #riastore: ArchiveProgram
  readonly #subject: Subject
  readonly #plan: FaultPlan
  readonly #verdict: Verdict
  readonly #crowd: Crowd
  readonly #pusher: Pusher | undefined
  readonly #number: number
  /** How long it took, the last few times. ms. */
  readonly #took: Record<Command, number[]> = { archive: [], unarchive: [], gc: [] }

  constructor({ workspace, subject }: Lane, number: number, riastore: ArchiveProgram, plan: FaultPlan, toll: Toll) {
    const { name, url, id, env, keys, git } = subject
    const { seed, looksOnly = false } = plan
    this.#riastore = riastore
    this.#subject = subject
    this.#plan = plan
    this.#number = number
    this.#verdict = new Verdict(`${name}, lane ${number}, RIASTORE_FAULT_SEED=${seed}`, toll)
    const common = { url, id, env, seed: seed + number, keys, verdict: this.#verdict, looksOnly, hangMs: this.#limitMs }
    const clients = ['ann', 'bert'].map((each) => new Client(workspace, { ...common, name: `${name}-${each}` }))
    this.#crowd = new Crowd(clients)
    this.#pusher = git && new Pusher(workspace, git, name, env)
  }

  get toll(): Toll {
    return this.#verdict.toll
  }

  get #limitMs(): number {
    return this.#plan.hangMs + LOCK_WAIT_MS
  }

  async all(): Promise<void> {
    const { kills, stops, budgetMs = Number.POSITIVE_INFINITY } = this.#plan
    const began = performance.now()
    const { toll } = this
    try {
      if (this.#plan.only !== 'gc') {
        await this.#settle('archive')
        await this.#settle('unarchive')
      }
      if (this.#pusher !== undefined) {
        await this.#pusher.push(this.#verdict)
        await this.#settle('gc')
      }
      for (let at = 0; toll.kills < kills || toll.stops < stops; at++) {
        if (this.#verdict.isGuilty || performance.now() - began > budgetMs) break
        await this.#step(at)
      }
    } finally {
      await this.#crowd.end()
    }
  }

  #choose(at: number): Step {
    const random = numbersOf(this.#plan.seed, this.#number * MOST_STEPS + at)
    const { only, kills, stops } = this.#plan
    const all: [Command, ...Command[]] = ['archive', 'unarchive', ...(this.#subject.git ? (['gc'] as const) : [])]
    const command = only ?? pick(random, all)
    const other = only === 'gc' ? only : pick(random, all)
    const draw = random()
    const isKill = random() < kills / (kills + stops)
    const drawn = chooseWeather(random, this.#subject)
    const weather = this.#plan.clear ? 'clear' : drawn
    const [killed, stopped] = [this.toll.kills < kills, this.toll.stops < stops]
    const how = draw < 0.1 && killed && isBad(weather) ? 'neither' : stopped && (!isKill || !killed) ? 'stop' : 'kill'
    return { random, command, other, how, weather }
  }

  async #step(at: number): Promise<void> {
    const step = this.#choose(at)
    const { random, command, other, how, weather } = step
    const verdict = this.#verdict
    verdict.doing = `step ${at}: ${command}, ${how === 'neither' ? 'left alone' : how}, ${weather}, elsewhere ${other}`
    this.toll.weather[weather] += 1
    const running = this.#start(command)
    const pushes = (command === 'gc' || other === 'gc') && (this.#plan.only === 'gc' || random() < 0.3)
    const pushing = pushes ? this.#pusher?.push(verdict, isOfDisk(weather)) : undefined
    const moment = random() * this.#drawDuration(command, random)
    const isEarly = random()
    const then = random()
    await Promise.race([sleep(moment * isEarly), running.done])
    const end = await beginWeather(weather, random, this.#subject)
    let isCut = false
    try {
      await Promise.race([sleep(moment * (1 - isEarly)), running.done])
      if (how === 'neither') {
        verdict.judge(await verdict.waitFor(running, this.#limitMs), endsIn(weather))
        this.toll.others += 1
      } else isCut = await this.#interrupt(running, step)
    } finally {
      await end()
    }
    if (how === 'stop') {
      // As it wakes up the weather may be good again, or not yet.
      await this.#check()
      const endAgain = random() < 0.3 ? await beginWeather(weather, random, this.#subject) : async () => {}
      running.killGroup('SIGCONT')
      const result = await verdict.waitFor(running, this.#limitMs)
      await endAgain()
      verdict.judge(result, isCut ? ENDS.cut : endsIn(weather))
    } else if (then < 0.2) await this.#elsewhere(other, 'clear')
    await pushing
    await this.#check()
    if (then < 0.1 || this.#plan.only !== undefined) {
      await this.#settle(this.#plan.only === 'gc' ? 'gc' : random() < 0.5 ? 'archive' : 'unarchive')
    }
    if (pushing !== undefined) await this.#pusher?.check(verdict)
  }

  /**
   * Kills it; or stops it, and has somebody else at work meanwhile. Returns whether its connections
   * were cut then.
   */
  async #interrupt(running: Running, { random, command, how, other, weather }: Step): Promise<boolean> {
    if (how === 'kill') {
      running.killGroup('SIGKILL')
      const result = await running.done
      if (result.signal === 'SIGKILL') this.toll.kills += 1
      else this.#verdict.judge(result, endsUnstopped(command, weather))
      return false
    }
    running.killGroup('SIGSTOP')
    if (running.child.exitCode === null && running.child.signalCode === null) this.toll.stops += 1
    const isCut = cutWhileStopped(random, this.#subject)
    await this.#elsewhere(other, weather)
    return isCut
  }

  /** From a host of another name, where we may have one, and by a line that nobody cuts. */
  async #elsewhere(command: Command, weather: Weather): Promise<void> {
    const words = this.#words(command, true)
    const rename = 'hostname elsewhere && exec "$0" "$@"'
    const options = { env: this.#subject.env }
    const running = isRoot
      ? start('unshare', ['--uts', 'sh', '-c', rename, this.#riastore.path, ...words], options)
      : this.#riastore.start(words, options)
    const result = await this.#verdict.waitFor(running, this.#limitMs)
    // The disk is the same one everywhere.
    this.#verdict.judge(result, endsUnstopped(command, isOfDisk(weather) ? weather : 'clear'))
    this.#remember(command, result)
  }

  /** One that it took to its end, of late. */
  #drawDuration(command: Command, random: Random): number {
    const [first = 0, ...others] = this.#took[command]
    return pick(random, [first, ...others])
  }

  #remember(command: Command, result: Result | undefined): void {
    if (result?.status === 0) this.#took[command] = [...this.#took[command], result.ms].slice(-LAST)
  }

  #start(command: Command): Running {
    return this.#riastore.start(this.#words(command, false), { env: this.#subject.env })
  }

  #words(command: Command, isElsewhere: boolean): string[] {
    const { git, id } = this.#subject
    const place = command === 'gc' && git !== undefined ? git : this.#subject
    const url = isElsewhere ? place.directUrl : place.url
    if (command === 'gc') return ['gc', '--grace', GRACE, url, place.id]
    return [command, '--yes', ...(isElsewhere ? ['--break-lock'] : []), url, id]
  }

  /** In good weather it ends with success, and the next one finds everything in order. */
  async #settle(command: Command): Promise<void> {
    const result = await this.#verdict.waitFor(this.#start(command), this.#limitMs)
    this.#verdict.judge(result, ENDS.clear)
    this.#remember(command, result)
    await this.#check()
  }

  async #check(): Promise<void> {
    await this.#crowd.whilePaused(async (stored) => {
      try {
        await this.#subject.check(new Map([...this.#subject.keys, ...stored]))
      } catch (error) {
        this.#verdict.problem(`lost: ${error instanceof Error ? error.message : error}`)
      }
    })
  }
}
