import { expect, test } from 'vitest'
import { readErrorAnswer } from '../../../../src/store/s3/plain/error-answer.ts'

const read = (text: string) => readErrorAnswer(Buffer.from(text))
const nothing = { code: undefined, region: undefined, message: undefined }

test("an error's code, region and message are read, also where Error is not the root", () => {
  const error = '<Error><Code>PermanentRedirect</Code><Message>a &lt;b&gt;</Message><Region>eu-west-1</Region></Error>'
  const words = { code: 'PermanentRedirect', region: 'eu-west-1', message: 'a <b>' }
  expect(read(`<?xml version="1.0" encoding="UTF-8"?>\n${error}`)).toEqual(words)
  expect(read(`<ErrorResponse>${error}<RequestId>1</RequestId></ErrorResponse>`)).toEqual(words)
})

test('what is no XML of an error says nothing', () => {
  for (const text of [
    '',
    'Not Found',
    '<html><head><title>404</title></head><body><p>Not found<br></body></html>',
    '<Error><Code>NoSuchKey</Code>',
    '<Error><Details><Code>NoSuchKey</Code></Details></Error>',
  ]) {
    expect(read(text)).toEqual(nothing)
  }
})
