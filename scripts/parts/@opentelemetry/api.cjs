/** Nothing of it: prom-client asks it for the span of a sample only where exemplars are switched on. */
