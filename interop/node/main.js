'use strict';

// Runs every scenario with the npm package ali-ons.

const runAll = require('./runner');
const { Lab } = require('./lab');
const scenarios = require('./scenarios');

// The package's own inner producer has no listener for what it meets in the background while the server is away, so Node
// would end the process; a scenario that needs an answer fails by itself.
process.on('uncaughtException', e => {
  console.error(e);
  if (e.name !== 'MQClientException') {
    process.exit(2);
  }
});

runAll(scenarios, Lab);
