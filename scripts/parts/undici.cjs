/** The agent, its request() and the errors: undici's own entry loads all of fetch, WebSocket, caches and mocks. */
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js')
Dispatcher.prototype.request = require('undici/lib/api/api-request.js')
exports.Agent = require('undici/lib/dispatcher/agent.js')
exports.errors = require('undici/lib/core/errors.js')
