/**
 * What the build takes of undici: the agent and its request(). The package's own entry loads all of fetch, WebSocket,
 * caches and mocks, which costs a start 30 ms and 10 MiB (docs/benchmarks.md).
 */
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js')
Dispatcher.prototype.request = require('undici/lib/api/api-request.js')
exports.Agent = require('undici/lib/dispatcher/agent.js')
exports.errors = require('undici/lib/core/errors.js')
