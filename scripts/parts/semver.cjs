/** What Fastify asks about versions of plug-ins. */
exports.gt = require('semver/functions/gt')
exports.coerce = require('semver/functions/coerce')
exports.satisfies = require('semver/functions/satisfies')
