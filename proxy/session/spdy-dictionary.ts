/** `_` stands for a space in a word. */
const WORDS = [
  'options head post put delete trace accept accept-charset accept-encoding accept-language a',
  'ccept-ranges age allow authorization cache-control connection content-base content-encodin',
  'g content-language content-length content-location content-md5 content-range content-type ',
  'date etag expect expires from host if-match if-modified-since if-none-match if-range if-un',
  'modified-since last-modified location max-forwards pragma proxy-authenticate proxy-authori',
  'zation range referer retry-after server te trailer transfer-encoding upgrade user-agent va',
  'ry via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-c',
  'ookie keep-alive origin',
]
  .join('')
  .split(' ')
  .map((word) => word.replace('_', ' '))

const REST = [
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505',
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Una',
  'uthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service',
  ' UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, ',
  'Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,applicat',
  'ion/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf',
  '-8charset=iso-8859-1,utf-,*,enq=0.',
].join('')

/** Words that the headers of SPDY/3 are compressed with. Source: draft-mbelshe-httpbis-spdy-00, section 2.6.10.1. */
export const SPDY_DICTIONARY: Buffer = Buffer.concat([
  ...WORDS.flatMap((word) => [Buffer.from([0, 0, 0, word.length]), Buffer.from(word)]),
  Buffer.from(REST),
])

/** Adler-32 of the dictionary, by which a zlib stream names it. */
export const SPDY_DICTIONARY_ID = 0xe3c6a7c2
