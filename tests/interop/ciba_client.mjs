/**
 * A CIBA client on openid-client, which the tests drive.
 *
 * It reads commands from standard input and writes results to standard output, one JSON object a
 * line. A command is `{"do": name, ...}`; a result is `{"result": ...}`, or `{"error": ...}`.
 */

import { createInterface } from 'node:readline'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { randomBytes, timingSafeEqual } from 'node:crypto'

import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'

const KEYS = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  Ed25519: { name: 'Ed25519' },
  PS256: rsa('RSA-PSS'),
  RS256: rsa('RSASSA-PKCS1-v1_5'),
}

function rsa(name) {
  return { name, hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
}

const kid = 'key-1'
const notificationToken = randomBytes(24).toString('base64url')
const pings = []
let arrived = () => {}
let config, privateKey, begun, tokens

/** Receive a ping as CIBA Core 1.0, 10.2, has it: the token has to be that of the request. */
async function receivePing(request, response) {
  const chunks = await Array.fromAsync(request)
  const token = Buffer.from((request.headers.authorization ?? '').replace(/^Bearer /, ''))
  const own = Buffer.from(notificationToken)
  const authentic = token.length === own.length && timingSafeEqual(token, own)
  response.writeHead(authentic ? 204 : 401).end()
  pings.push({ authentic, ...JSON.parse(Buffer.concat(chunks)) })
  arrived()
}

const COMMANDS = {
  /** Listen for pings; return the address. */
  async listen() {
    const server = createServer(receivePing).listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.unref()
    return `http://127.0.0.1:${server.address().port}/ping`
  },

  /** Generate a key; return the public one in a JWK Set. */
  async generate({ algorithm }) {
    const pair = await crypto.subtle.generateKey(KEYS[algorithm], true, ['sign', 'verify'])
    privateKey = { key: pair.privateKey, kid }
    const { ext, key_ops, ...jwk } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    return { keys: [{ ...jwk, kid, alg: algorithm }] }
  },

  /** Read what the issuer says of itself; with a secret, authenticate by it, else by the key. */
  async discover({ issuer, clientId, secret }) {
    const method = secret ? client.ClientSecretBasic(secret) : client.PrivateKeyJwt(privateKey)
    config = await client.discovery(new URL(issuer), clientId, undefined, method, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })
    config[client.customFetch] = async (...request) => {
      const response = await fetch(...request)
      write({ status: response.status, path: new URL(response.url).pathname })
      return response
    }
    return config.serverMetadata()
  },

  /** Begin an authentication; with `signed`, by a signed request. */
  async begin({ parameters, signed, ping }) {
    if (ping) parameters.client_notification_token = notificationToken
    if (signed) {
      const metadata = [config.serverMetadata(), config.clientMetadata()]
      const request = await oauth.issueRequestObject(...metadata, parameters, privateKey)
      parameters = { request }
    }
    begun = await client.initiateBackchannelAuthentication(config, parameters)
    return begun
  },

  /** Return the next ping, once it has arrived. */
  async awaitPing() {
    while (pings.length === 0) await new Promise((resolve) => (arrived = resolve))
    return pings.shift()
  },

  /** Poll until it has ended; with `interval`, by this one, and longer than it may be answered. */
  async poll({ interval }) {
    const response = interval === undefined ? begun : { ...begun, interval }
    const options = interval === undefined ? {} : { signal: AbortSignal.timeout(240_000) }
    tokens = await client.pollBackchannelAuthenticationGrant(config, response, {}, options)
    return { ...tokens, claims: tokens.claims() }
  },

  /** Use the access token for the arguments that are about to be executed. */
  async consume({ arguments: values }) {
    const response = await client.fetchProtectedResource(
      config,
      tokens.access_token,
      new URL(config.serverMetadata().counterseal_consume_endpoint),
      'POST',
      JSON.stringify({ arguments: values }),
      new Headers({ 'content-type': 'application/json' }),
    )
    return { status: response.status, body: await response.json() }
  },
}

function write(object) {
  process.stdout.write(`${JSON.stringify(object)}\n`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...members } = JSON.parse(line)
  try {
    write({ result: await COMMANDS[name](members) })
  } catch (error) {
    const { name: kind, message, code, status, error: word, error_description: text } = error
    write({ error: { kind, message, code, status, error: word, error_description: text } })
  }
}
