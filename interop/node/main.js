'use strict';

// Runs every scenario with the npm package ali-ons and prints PASS or FAIL for each.

const Driver = require('./driver');
const { Lab } = require('./lab');
const { together, alone } = require('./scenarios');

async function run(driver, name, scenario) {
  const start = Date.now();
  const lab = new Lab(driver, name);
  try {
    await scenario(lab);
    await lab.close();
  } catch (e) {
    console.error(e);
    driver.say(`FAIL ${name} ${e.message}`);
    return false;
  }
  driver.say(`PASS ${name} ${Date.now() - start}`);
  return true;
}

async function main() {
  const driver = new Driver();
  const only = new RegExp(process.env.INTEROP_ONLY);
  const chosen = scenarios => Object.entries(scenarios).filter(([ name ]) => only.test(name));
  for (const [ name ] of [ ...chosen(together), ...chosen(alone) ]) {
    driver.say(`PLAN ${name}`);
  }
  const passed = await Promise.all(chosen(together).map(([ name, scenario ]) => run(driver, name, scenario)));
  for (const [ name, scenario ] of chosen(alone)) {
    passed.push(await run(driver, name, scenario));
  }
  process.exit(passed.every(Boolean) ? 0 : 1);
}

// The package's own inner producer has no listener for what it meets in the background while the server is away, so Node
// would end the process; a scenario that needs an answer fails by itself.
process.on('uncaughtException', e => {
  console.error(e);
  if (e.name !== 'MQClientException') {
    process.exit(2);
  }
});

main();
