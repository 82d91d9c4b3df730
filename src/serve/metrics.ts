/** Counts what a server does, for Prometheus ("Exposition formats"). It names no dataset. */
export class Metrics {
  readonly #requests = new Map<number, number>()
  #bytes = 0
  #underWay = 0

  begin(): void {
    this.#underWay += 1
  }

  /** `status` 0: the client was gone before. `bytes`: of the body of the answer. */
  end(status: number, bytes: number): void {
    this.#underWay -= 1
    this.#bytes += bytes
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1)
  }

  text(): string {
    const requests = [...this.#requests].sort(([a], [b]) => a - b)
    return [
      '# HELP riastore_serve_requests_total Requests that ended, by the status of the answer.',
      '# TYPE riastore_serve_requests_total counter',
      ...requests.map(([status, count]) => `riastore_serve_requests_total{status="${status}"} ${count}`),
      '# HELP riastore_serve_sent_bytes_total Bytes of the bodies of answers.',
      '# TYPE riastore_serve_sent_bytes_total counter',
      `riastore_serve_sent_bytes_total ${this.#bytes}`,
      '# HELP riastore_serve_requests_under_way Requests that have not ended.',
      '# TYPE riastore_serve_requests_under_way gauge',
      `riastore_serve_requests_under_way ${this.#underWay}`,
      '# HELP process_resident_memory_bytes Memory of the server.',
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '',
    ].join('\n')
  }
}
