/** The registry and its metrics, without the push gateway, which brings HTTP clients, and the cluster's. */
exports.Registry = require('prom-client/lib/registry.js')
exports.Counter = require('prom-client/lib/counter.js')
exports.Gauge = require('prom-client/lib/gauge.js')
exports.Histogram = require('prom-client/lib/histogram.js')
exports.collectDefaultMetrics = require('prom-client/lib/defaultMetrics.js')
