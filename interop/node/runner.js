'use strict';

// Runs scenarios and prints PASS or FAIL for each.

const Driver = require('./driver');

const LIMIT = 150000; // ms of a scenario

/** Fails when a scenario has had its time: some calls of a client wait for ever. */
function late() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(`not done in ${LIMIT} ms`)), LIMIT).unref());
}

async function run(driver, name, scenario, Lab) {
  const start = Date.now();
  const lab = new Lab(driver, name);
  try {
    await Promise.race([ scenario(lab), late() ]);
    await lab.close();
  } catch (e) {
    console.error(e);
    driver.say(`FAIL ${name} ${e.message}`);
    return false;
  }
  driver.say(`PASS ${name} ${Date.now() - start}`);
  return true;
}

/** Runs the scenarios, each with a lab of its own, and ends the process. */
async function runAll({ together, alone }, Lab) {
  const driver = new Driver();
  const only = new RegExp(process.env.INTEROP_ONLY);
  const chosen = scenarios => Object.entries(scenarios).filter(([ name ]) => only.test(name));
  for (const [ name ] of [ ...chosen(together), ...chosen(alone) ]) {
    driver.say(`PLAN ${name}`);
  }
  const passed = await Promise.all(chosen(together).map(([ name, scenario ]) => run(driver, name, scenario, Lab)));
  for (const [ name, scenario ] of chosen(alone)) {
    passed.push(await run(driver, name, scenario, Lab));
  }
  process.exit(passed.every(Boolean) ? 0 : 1);
}

module.exports = runAll;
