'use strict';

// One scenario's topics, groups and clients of rocketmq-client-nodejs.

const assert = require('assert');
const { ConsumeResult, Producer, PushConsumer, SimpleConsumer } = require('rocketmq-client-nodejs');
const { Inbox, numbered } = require('../../node/inbox');

const quiet = { info() {}, debug() {}, warn() {}, error() {} };

const POLL = 5000; // ms that an empty receive waits: a proxy makes a shorter poll this long
const HIDDEN = 30000; // ms that a received message stays invisible where it does not matter

/** Names carry the run and the scenario, so scenarios never meet; close() shuts the clients down that do not wait for a poll. */
class Lab {
  constructor(driver, name) {
    this.driver = driver;
    this.name = name;
    this.clients = [];
  }

  unique(kind) {
    return `node5-${process.env.INTEROP_RUN}-${this.name}-${kind}`;
  }

  async topic(kind = 'NORMAL', queues = 4, name = 'topic') {
    const topic = this.unique(name);
    await this.driver.ask(`topic ${topic} ${queues} ${kind}`);
    return topic;
  }

  async group(...options) {
    const group = this.unique('group');
    await this.driver.ask([ 'group', group, ...options ].join(' '));
    return group;
  }

  options(more) {
    return { endpoints: process.env.INTEROP_GRPC, namespace: '', requestTimeout: 10000, logger: quiet, ...more };
  }

  async producer(topic, checker) {
    const producer = new Producer(this.options({ topics: [ topic ], checker }));
    await producer.startup();
    this.clients.push(producer);
    return producer;
  }

  async simple(topic, group, expression = '*') {
    const consumer = new SimpleConsumer(this.options({ consumerGroup: group, subscriptions: new Map([[ topic, expression ]]), awaitDuration: POLL }));
    await consumer.startup();
    this.clients.push(consumer);
    return consumer;
  }

  /** A started push consumer; decide(message) says whether each was a success. It stays: its shutdown waits for its long polls. */
  async push(topic, group, decide = () => true, expression = '*') {
    const inbox = new Inbox();
    inbox.consumer = new PushConsumer(this.options({
      consumerGroup: group,
      subscriptions: new Map([[ topic, expression ]]),
      messageListener: {
        async consume(message) {
          const attempt = message.deliveryAttempt; // the package counts it on in the same object
          const verdict = await decide(message) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE;
          inbox.put({ body: message.body, message, attempt });
          return verdict;
        },
      },
    }));
    await inbox.consumer.startup();
    return inbox;
  }

  async close() {
    for (const client of this.clients.reverse()) {
      await client.shutdown();
    }
  }
}

/** Receives until count messages are there; more are an error. They are not acknowledged, unless done does it. */
async function hold(consumer, count, { most = 32, hidden = HIDDEN, seconds = 60, done = async () => {} } = {}) {
  const got = [];
  const end = Date.now() + seconds * 1000;
  while (got.length < count) {
    assert.ok(Date.now() < end, `${got.length} of ${count} messages in ${seconds} s: ${bodies(got)}`);
    const more = await consumer.receive(most, hidden);
    assert.ok(more.length <= most, `${more.length} messages in one answer of at most ${most}`);
    for (const message of more) {
      await done(message);
    }
    got.push(...more);
  }
  assert.strictEqual(got.length, count);
  return got;
}

/** Receives and acknowledges count messages. */
function take(consumer, count, options) {
  return hold(consumer, count, { done: message => consumer.ack(message), ...options });
}

/** No message comes in one poll. */
async function nothing(consumer) {
  assert.deepStrictEqual(bodies(await consumer.receive(32, HIDDEN)), []);
}

function bodies(messages) {
  return messages.map(message => message.body.toString());
}

function message(topic, body, more) {
  return { topic, body: Buffer.from(body), ...more };
}

async function sendAll(producer, topic, texts) {
  const receipts = [];
  for (const text of texts) {
    receipts.push(await producer.send(message(topic, text)));
  }
  return receipts;
}

/** The call must fail with one of these codes of the protocol, or where the package shows none, with this text. */
async function refused(call, ...wanted) {
  let got;
  try {
    got = await call();
  } catch (e) {
    assert.ok(wanted.some(want => e.code === want || (typeof want === 'string' && e.message.includes(want))), `want ${wanted}, got ${e.code}: ${e.message}`);
    return;
  }
  assert.fail(`want a refusal with ${wanted}, got ${JSON.stringify(got)}`);
}

function within(what, low, high, got) {
  assert.ok(low <= got && got <= high, `${what}: want ${low} to ${high}, got ${got}`);
}

module.exports = { HIDDEN, Lab, bodies, hold, message, nothing, numbered, refused, sendAll, take, within };
