'use strict';

// Runs every scenario with the npm package rocketmq-client-nodejs, which speaks gRPC.

const runAll = require('../../node/runner');
const { Lab } = require('./lab');
const scenarios = require('./scenarios');

runAll(scenarios, Lab);
