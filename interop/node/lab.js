'use strict';

// One scenario's topics, groups and clients of ali-ons.

const assert = require('assert');
const { Consumer, Message, Producer } = require('ali-ons');
const { Inbox, numbered } = require('./inbox');

const quiet = { info() {}, debug() {}, warn() {}, error() {} };

/** Names carry the run and the scenario, so scenarios never meet; close() closes the clients. */
class Lab {
  constructor(driver, name) {
    this.driver = driver;
    this.name = name;
    this.clients = [];
    this.count = 0;
  }

  unique(kind) {
    return `node-${process.env.INTEROP_RUN}-${this.name}-${kind}`;
  }

  async topic(queues) {
    const topic = this.unique('topic');
    await this.driver.ask(`topic ${topic} ${queues}`);
    return topic;
  }

  async group() {
    const group = this.unique('group');
    await this.driver.ask(`group ${group}`);
    return group;
  }

  /** Options of every client. The package asserts on an httpclient that it does not use with nameSrv. */
  options(more) {
    return Object.assign({ httpclient: {}, nameSrv: process.env.INTEROP_NAMESRV, logger: quiet, rebalanceInterval: 1000,
      persistConsumerOffsetInterval: 500, pollNameServerInteval: 1000, instanceName: `${this.unique('client')}-${++this.count}` }, more);
  }

  async producer(more) {
    const producer = new Producer(this.options({ producerGroup: this.unique('producer'), sendMsgTimeout: 10000, ...more }));
    producer.on('error', () => {});
    await producer.ready();
    this.clients.push(producer);
    return producer;
  }

  /** A consumer from the first offset on whose handler decides over each message. */
  consumer(topic, group, expression, handler, more) {
    const consumer = new Consumer(this.options({ consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', ...more }));
    consumer.on('error', () => {});
    consumer.subscribe(topic, expression, async message => handler(message));
    this.clients.push(consumer);
    return consumer;
  }

  consume(topic, group, more) {
    const inbox = new Inbox();
    this.consumer(topic, group, '*', message => inbox.put(message), more);
    return inbox;
  }

  async shut(client) {
    this.clients.splice(this.clients.indexOf(client), 1);
    await client.close();
  }

  async close() {
    for (const client of this.clients.reverse()) {
      await client.close();
    }
  }
}

async function stored(producer, message) {
  const result = await producer.send(message);
  assert.strictEqual(result.sendStatus, 'SEND_OK');
  return result;
}

async function sendAll(producer, topic, texts) {
  for (const text of texts) {
    await stored(producer, new Message(topic, 'all', text));
  }
}

module.exports = { Inbox, Lab, Message, numbered, sendAll, stored };
