import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'

/** The floor: a TLS HTTP/2 server of Node's own that parses the review and answers it with a fixed one. */
const [certFile, keyFile, answer] = process.argv.slice(2) as [string, string, string]
const server = createSecureServer({
  allowHTTP1: true,
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
})
server.on('request', (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const review = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"kind":"TokenReview","apiVersion":"${review.apiVersion}","status":${answer}}`)
  })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
