import { expect, test } from 'vitest'
import { GitConfig, parseListing } from '../../src/core/git-config.ts'

const listing = (...fields: string[]) => Buffer.from(fields.map((field) => `${field}\0`).join(''), 'latin1')

test('a listing of git gives keys and values in its order, whatever bytes are in them', () => {
  expect(parseListing(listing('a.b\nvalue', 'a.b\ntwo\nlines', 'a.key', 'a.empty\n', 'x.y\n\xff'))).toEqual([
    { key: 'a.b', value: 'value', shown: '' },
    { key: 'a.b', value: 'two\nlines', shown: '' },
    { key: 'a.key', value: 'true', shown: '' },
    { key: 'a.empty', value: '', shown: '' },
    { key: 'x.y', value: '\udcff', shown: '' },
  ])
  expect(parseListing(listing())).toEqual([])
})

test('a listing that shows where each entry is from gives that too', () => {
  expect(parseListing(listing('global', 'a.b\nvalue', 'local', 'a.key'), { shows: true })).toEqual([
    { key: 'a.b', value: 'value', shown: 'global' },
    { key: 'a.key', value: 'true', shown: 'local' },
  ])
})

test('of several values of a key the last counts', () => {
  const config = GitConfig.parse(listing('a.b\none', 'a.b\ntwo'))
  expect([config.get('a.b'), config.all('a.b')]).toEqual(['two', ['one', 'two']])
})
