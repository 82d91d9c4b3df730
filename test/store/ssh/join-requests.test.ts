import { expect, test } from 'vitest'
import { joinRequests } from '../../../src/store/ssh/join-requests.ts'

function session(packetSize: number) {
  const sent: string[] = []
  const protocol = {
    channelData: (id: number, bytes: Buffer) => void sent.push(`${id}:${bytes}`),
    channelClose: (id: number) => void sent.push(`close ${id}`),
  }
  const engine = { _protocol: protocol, outgoing: { packetSize } }
  const output = { cork: () => void sent.push('cork'), uncork: () => void sent.push('uncork') }
  const joined = joinRequests(engine, output)
  const send = (text: string) => engine._protocol.channelData(7, Buffer.from(text))
  return { sent, joined, send, close: () => engine._protocol.channelClose(7) }
}

test('requests that are made while it is corked leave in one packet, in their order', () => {
  const { sent, joined, send } = session(100)
  joined.cork()
  for (const text of ['a', 'bc', 'd']) send(text)
  expect(sent).toEqual(['cork'])
  joined.uncork()
  expect(sent).toEqual(['cork', '7:abcd', 'uncork'])
  send('e')
  expect(sent.at(-1)).toBe('7:e')
})

test('no packet is larger than the server takes', () => {
  const { sent, joined, send } = session(4)
  joined.cork()
  for (const text of ['ab', 'cd', 'e', 'fghi']) send(text)
  joined.uncork()
  expect(sent).toEqual(['cork', '7:abcd', '7:e', '7:fghi', 'uncork'])
})

test('what was asked for before the session ends is sent before', () => {
  const { sent, joined, send, close } = session(100)
  joined.cork()
  send('a')
  close()
  joined.uncork()
  expect(sent).toEqual(['cork', '7:a', 'close 7', 'uncork'])
})
