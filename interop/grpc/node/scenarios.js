'use strict';

// What the gRPC client for Node must be able to do.

const assert = require('assert');
const packaged = require('rocketmq-client-nodejs');
const { Code, FilterType, TransactionResolution } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');
const { bodies, hold, message, nothing, numbered, refused, sendAll, take, within } = require('./lab');

const LIMIT = 4 << 20; // bytes of a body
const LATE = 5000; // ms that a delivery may be late on a loaded machine, and with Apache's steps of a second
const UNREADABLE = [ Code.INVALID_RECEIPT_HANDLE, Code.INTERNAL_SERVER_ERROR ]; // for a handle that is none; Apache: the second

/** What other clients' suites try and this package has no name for. */
const missing = { 'batch send': /batch/i, 'asynchronous send (its one send is)': /async/i, 'one-way send': /one.?way/i };

const { FilterExpression } = packaged;

function inOrder(got) {
  assert.strictEqual(got.length, 60);
  for (const key of [ 0, 1, 2, 3, 4 ]) {
    const mine = got.filter(m => m.messageGroup === `key-${key}`);
    assert.deepStrictEqual(bodies(mine), Array.from({ length: 12 }, (_, i) => `${key}:${String(i * 5 + key).padStart(4, '0')}`));
  }
}

async function sendKeyed(producer, topic) {
  for (let i = 0; i < 60; i++) {
    await producer.send(message(topic, `${i % 5}:${String(i).padStart(4, '0')}`, { messageGroup: `key-${i % 5}` }));
  }
}

/** Messages of an inbox in the order of their arrival. */
async function arrivals(inbox, count) {
  const got = [];
  while (got.length < count) {
    got.push(await inbox.one(60));
  }
  return got;
}

const together = {
  async missing() {
    const names = [ packaged.Producer, packaged.SimpleConsumer, packaged.PushConsumer ].flatMap(kind => Object.getOwnPropertyNames(kind.prototype));
    assert.ok([ 'send', 'receive', 'subscribe' ].every(name => names.includes(name)), 'names are found');
    for (const [ feature, name ] of Object.entries(missing)) {
      assert.deepStrictEqual(names.filter(n => name.test(n)), [], `${feature} wants a scenario now`);
    }
  },

  async normal(lab) {
    const topic = await lab.topic();
    const texts = numbered('normal', 40);
    const receipts = await sendAll(await lab.producer(topic), topic, texts);
    const consumer = await lab.simple(topic, await lab.group());
    const got = await take(consumer, texts.length);
    assert.deepStrictEqual(bodies(got).sort(), texts);
    assert.deepStrictEqual(got.map(m => m.messageId).sort(), receipts.map(r => r.messageId).sort());
    await nothing(consumer);
  },

  async 'at-once'(lab) {
    const topic = await lab.topic();
    const producer = await lab.producer(topic);
    const texts = numbered('at-once', 100);
    await Promise.all(texts.map(text => producer.send(message(topic, text))));
    const consumer = await lab.simple(topic, await lab.group());
    assert.deepStrictEqual(bodies(await take(consumer, texts.length, { most: 8 })).sort(), texts);
  },

  async properties(lab) {
    const topic = await lab.topic();
    const properties = new Map([[ 'mine', 'ü 火' ], [ 'other', 'two words' ]]);
    const before = Date.now();
    const receipt = await (await lab.producer(topic)).send(message(topic, 'text ü 火', { tag: 'the-tag', keys: [ 'key-1', 'key-2' ], properties }));
    const got = (await take(await lab.simple(topic, await lab.group()), 1))[0];
    assert.strictEqual(got.topic, topic);
    assert.strictEqual(got.body.toString(), 'text ü 火');
    assert.strictEqual(got.tag, 'the-tag');
    assert.deepStrictEqual([ ...got.keys ].sort(), [ 'key-1', 'key-2' ]);
    assert.deepStrictEqual(got.properties, properties);
    assert.strictEqual(got.messageId, receipt.messageId);
    assert.strictEqual(got.offset, receipt.offset);
    assert.strictEqual(got.deliveryAttempt, 1);
    assert.ok(!got.corrupted);
    within('born', before, Date.now(), got.bornTimestamp.getTime());
    within('given out', before - 1000, Date.now() + 1000, got.transportDeliveryTimestamp.getTime());
  },

  // A body of the limit is taken, and one byte more is refused, by the package and by the server. What the package receives may
  // have 4 MiB with all that belongs to it.
  async 'body-large'(lab) {
    const topic = await lab.topic();
    const producer = await lab.producer(topic);
    const consumer = await lab.simple(topic, await lab.group());
    const body = Buffer.alloc(LIMIT - 4096, '0123456789abcde');
    await producer.send({ topic, body });
    const got = (await take(consumer, 1))[0];
    assert.ok(got.body.equals(body) && !got.corrupted, 'body is unchanged');
    await producer.send({ topic: await lab.topic('NORMAL', 1, 'unread'), body: Buffer.alloc(LIMIT) });
    const more = { topic, body: Buffer.alloc(LIMIT + 1) };
    await refused(() => producer.send(more), `max size=${LIMIT} bytes`);
    Object.defineProperty(producer.publishingSettings, 'maxBodySizeBytes', { get: () => 8 << 20 });
    await refused(() => producer.send(more), Code.MESSAGE_BODY_TOO_LARGE);
    await refused(() => producer.send({ topic, body: Buffer.alloc(0) }), Code.MESSAGE_BODY_EMPTY);
    await nothing(consumer);
  },

  // The messages of a message group come in order, whoever receives how many at a time.
  async fifo(lab) {
    const topic = await lab.topic('FIFO');
    const group = await lab.group('16', 'orderly');
    await sendKeyed(await lab.producer(topic), topic);
    inOrder(await take(await lab.simple(topic, group), 60, { most: 4 }));
  },

  async 'fifo-push'(lab) {
    const topic = await lab.topic('FIFO');
    const inbox = await lab.push(topic, await lab.group('16', 'orderly'));
    await sendKeyed(await lab.producer(topic), topic);
    inOrder((await arrivals(inbox, 60)).map(a => a.message));
  },

  // A message that is not acknowledged holds back those behind it, and comes again before them.
  async 'fifo-blocks'(lab) {
    const topic = await lab.topic('FIFO', 1);
    const group = await lab.group('16', 'orderly');
    const producer = await lab.producer(topic);
    for (const text of [ 'first', 'second' ]) {
      await producer.send(message(topic, text, { messageGroup: 'one' }));
    }
    const consumer = await lab.simple(topic, group);
    assert.deepStrictEqual(bodies(await hold(consumer, 1, { most: 1, hidden: 12000 })), [ 'first' ]);
    await nothing(consumer);
    const again = await take(consumer, 1, { most: 1 });
    assert.deepStrictEqual([ again[0].body.toString(), again[0].deliveryAttempt ], [ 'first', 2 ]);
    assert.deepStrictEqual(bodies(await take(consumer, 1, { most: 1 })), [ 'second' ]);
  },

  async delay(lab) {
    const topic = await lab.topic('DELAY');
    const producer = await lab.producer(topic);
    const consumer = await lab.simple(topic, await lab.group());
    const due = Date.now() + 4000;
    const receipt = await producer.send(message(topic, 'later', { deliveryTimestamp: new Date(due) }));
    assert.ok(receipt.recallHandle, 'it can be recalled');
    const got = (await take(consumer, 1))[0];
    within('arrival', due - 1000, due + LATE, Date.now()); // Apache's timers know whole seconds
    assert.strictEqual(got.deliveryTimestamp.getTime(), due);
    assert.strictEqual(got.messageId, receipt.messageId);
    await nothing(consumer);
  },

  async 'delay-too-long'(lab) {
    const topic = await lab.topic('DELAY');
    const producer = await lab.producer(topic);
    await refused(() => producer.send(message(topic, 'never', { delay: 20 * 365 * 86400 * 1000 })), Code.ILLEGAL_DELIVERY_TIME);
  },

  async recall(lab) {
    const topic = await lab.topic('DELAY');
    const producer = await lab.producer(topic);
    const due = Date.now() + 8000;
    const kept = await producer.send(message(topic, 'kept', { deliveryTimestamp: new Date(due) }));
    const recalled = await producer.send(message(topic, 'recalled', { deliveryTimestamp: new Date(due) }));
    assert.strictEqual((await producer.recallMessage(topic, recalled.recallHandle)).messageId, recalled.messageId);
    const consumer = await lab.simple(topic, await lab.group());
    assert.strictEqual((await take(consumer, 1))[0].messageId, kept.messageId);
    within('arrival', due - 1000, due + LATE, Date.now());
    await nothing(consumer);
    await refused(() => producer.recallMessage(topic, 'no handle'), 'code: 5000');
  },

  // Of what is committed, rolled back and left to the check, the consumer gets what it should.
  async transaction(lab) {
    const topic = await lab.topic('TRANSACTION');
    const asked = new Map();
    const producer = await lab.producer(topic, {
      async check(m) {
        asked.set(m.body.toString(), m.messageId);
        return m.body.toString() === 'check-commit' ? TransactionResolution.COMMIT : TransactionResolution.ROLLBACK;
      },
    });
    const ids = new Map();
    for (const text of [ 'commit', 'rollback', 'check-commit', 'check-rollback' ]) {
      const running = producer.beginTransaction();
      const receipt = await producer.send(message(topic, text, { tag: 'the-tag', properties: new Map([[ 'mine', 'ü 火' ]]) }), running);
      assert.ok(receipt.transactionId, 'transaction id');
      ids.set(text, receipt.messageId);
      if (text === 'commit') {
        await running.commit();
      } else if (text === 'rollback') {
        await running.rollback();
      }
    }
    const consumer = await lab.simple(topic, await lab.group());
    const got = await take(consumer, 2);
    assert.deepStrictEqual(bodies(got).sort(), [ 'check-commit', 'commit' ]);
    for (const m of got) {
      assert.deepStrictEqual([ m.messageId, m.tag, m.properties.get('mine') ], [ ids.get(m.body.toString()), 'the-tag', 'ü 火' ]);
    }
    await nothing(consumer);
    for (const text of [ 'check-commit', 'check-rollback' ]) {
      assert.strictEqual(asked.get(text), ids.get(text), `asked about ${text}`);
    }
    assert.strictEqual(asked.size, 2);
  },

  async 'tag-filter'(lab) {
    const topic = await lab.topic();
    const producer = await lab.producer(topic);
    for (const tag of [ 'red', 'green', 'blue', 'green', 'red' ]) {
      await producer.send(message(topic, tag, { tag }));
    }
    const consumer = await lab.simple(topic, await lab.group(), 'red || blue');
    assert.deepStrictEqual(bodies(await take(consumer, 3)).sort(), [ 'blue', 'red', 'red' ]);
    await nothing(consumer);
  },

  async 'sql-filter'(lab) {
    const topic = await lab.topic();
    const producer = await lab.producer(topic);
    for (let i = 0; i < 6; i++) {
      const properties = new Map([[ 'number', String(i) ], [ 'place', i < 3 ? 'near' : 'far' ]]);
      await producer.send(message(topic, String(i), { tag: i % 2 ? 'odd' : 'even', properties }));
    }
    const expression = new FilterExpression("number > 1 AND (place = 'near' OR TAGS = 'odd')", FilterType.SQL);
    const consumer = await lab.simple(topic, await lab.group(), expression);
    assert.deepStrictEqual(bodies(await take(consumer, 3)).sort(), [ '2', '3', '5' ]);
    await nothing(consumer);
  },

  async 'sql-filter-push'(lab) {
    const topic = await lab.topic();
    const inbox = await lab.push(topic, await lab.group(), undefined, new FilterExpression('number BETWEEN 2 AND 4', FilterType.SQL));
    const producer = await lab.producer(topic);
    for (let i = 0; i < 6; i++) {
      await producer.send(message(topic, String(i), { properties: new Map([[ 'number', String(i) ]]) }));
    }
    assert.deepStrictEqual((await inbox.texts(3)).sort(), [ '2', '3', '4' ]);
  },

  async 'sql-filter-wrong'(lab) {
    const topic = await lab.topic();
    const consumer = await lab.simple(topic, await lab.group(), new FilterExpression('number ><', FilterType.SQL));
    await refused(() => consumer.receive(1, 30000), Code.ILLEGAL_FILTER_EXPRESSION, Code.INTERNAL_SERVER_ERROR); // Apache: the second
  },

  // What is not acknowledged comes again when its invisible time is over, and not before; what is acknowledged does not.
  async redelivery(lab) {
    const topic = await lab.topic('NORMAL', 1);
    await sendAll(await lab.producer(topic), topic, [ 'kept', 'dropped' ]);
    const consumer = await lab.simple(topic, await lab.group());
    const got = await hold(consumer, 2, { hidden: 10000 });
    const since = Date.now();
    const dropped = got.find(m => m.body.toString() === 'dropped');
    await consumer.ack(got.find(m => m.body.toString() === 'kept'));
    const again = (await take(consumer, 1))[0];
    within('came again after', 9000, 10000 + LATE, Date.now() - since);
    assert.deepStrictEqual([ again.body.toString(), again.deliveryAttempt, again.messageId ], [ 'dropped', 2, dropped.messageId ]);
    await refused(() => consumer.ack(dropped), Code.INVALID_RECEIPT_HANDLE);
    await nothing(consumer);
  },

  // A changed invisible time holds instead of the first; the handle that it answers acknowledges the message.
  async 'invisible-time'(lab) {
    const topic = await lab.topic('NORMAL', 1);
    await sendAll(await lab.producer(topic), topic, [ 'sooner', 'later' ]);
    const consumer = await lab.simple(topic, await lab.group());
    const got = await hold(consumer, 2, { hidden: 15000 });
    const [ later, sooner ] = got.sort((a, b) => a.body.compare(b.body));
    const since = Date.now();
    const handle = sooner.receiptHandle;
    await consumer.changeInvisibleDuration(sooner, 3000);
    assert.notStrictEqual(sooner.receiptHandle, handle);
    await consumer.changeInvisibleDuration(later, 25000);
    const again = (await take(consumer, 1))[0];
    within('came again after', 2000, 3000 + LATE, Date.now() - since);
    assert.deepStrictEqual([ again.body.toString(), again.deliveryAttempt ], [ 'sooner', 2 ]);
    while (Date.now() - since < 17000) {
      await nothing(consumer);
    }
    await consumer.ack(later);
  },

  async 'invisible-time-wrong'(lab) {
    const topic = await lab.topic();
    const producer = await lab.producer(topic);
    const consumer = await lab.simple(topic, await lab.group());
    await refused(() => consumer.receive(1, 1000), Code.ILLEGAL_INVISIBLE_TIME);
    await refused(() => consumer.receive(1, 13 * 3600 * 1000), Code.ILLEGAL_INVISIBLE_TIME);
    await sendAll(producer, topic, [ 'one' ]);
    const got = (await hold(consumer, 1))[0];
    await refused(() => consumer.changeInvisibleDuration(got, 13 * 3600 * 1000), Code.ILLEGAL_INVISIBLE_TIME);
    await consumer.ack(got);
  },

  async 'handle-wrong'(lab) {
    const topic = await lab.topic();
    await sendAll(await lab.producer(topic), topic, [ 'one' ]);
    const consumer = await lab.simple(topic, await lab.group());
    const got = (await hold(consumer, 1))[0];
    const handle = got.receiptHandle;
    got.receiptHandle = 'no handle';
    await refused(() => consumer.ack(got), ...UNREADABLE);
    await refused(() => consumer.changeInvisibleDuration(got, 20000), ...UNREADABLE);
    got.receiptHandle = handle;
    await consumer.ack(got);
  },

  async push(lab) {
    const topic = await lab.topic();
    const inbox = await lab.push(topic, await lab.group());
    const texts = numbered('push', 100);
    await sendAll(await lab.producer(topic), topic, texts);
    await inbox.expect(texts);
  },

  // A push consumer that goes away says so, and leaves nothing behind that another member would not get.
  async 'push-shutdown'(lab) {
    const topic = await lab.topic('NORMAL', 1);
    const group = await lab.group();
    const producer = await lab.producer(topic);
    const first = await lab.push(topic, group);
    await sendAll(producer, topic, [ 'before' ]);
    await first.expect([ 'before' ]);
    const gone = first.consumer.shutdown();
    const second = await lab.push(topic, group);
    await gone;
    await sendAll(producer, topic, [ 'after' ]);
    await second.expect([ 'after' ]);
  },

  async 'push-tag-filter'(lab) {
    const topic = await lab.topic();
    const inbox = await lab.push(topic, await lab.group(), undefined, 'red');
    const producer = await lab.producer(topic);
    for (const tag of [ 'green', 'red', 'green', 'red' ]) {
      await producer.send(message(topic, tag, { tag }));
    }
    assert.deepStrictEqual(await inbox.texts(2), [ 'red', 'red' ]);
  },

  // What the listener fails comes again.
  async 'push-retry'(lab) {
    const topic = await lab.topic();
    const inbox = await lab.push(topic, await lab.group(), m => m.deliveryAttempt > 1);
    const [ receipt ] = await sendAll(await lab.producer(topic), topic, [ 'again' ]);
    for (const attempt of [ 1, 2 ]) {
      const got = await inbox.one(60);
      assert.deepStrictEqual([ got.attempt, got.message.topic, got.body.toString(), got.message.messageId ], [ attempt, topic, 'again', receipt.messageId ]);
    }
  },

  // With one retry, what fails twice lies in the group's dead letter topic.
  async 'dead-letter'(lab) {
    const topic = await lab.topic();
    const group = await lab.group('1');
    const inbox = await lab.push(topic, group, () => false);
    await sendAll(await lab.producer(topic), topic, [ 'poison' ]);
    assert.deepStrictEqual((await arrivals(inbox, 2)).map(a => a.attempt), [ 1, 2 ]);
    await lab.driver.ask(`dead-letter ${group} ${topic} poison`);
  },

  // A poisonous message of a message group goes to the dead letters, and those behind it go on. The package does not know the
  // policy of retries that the server names, and gives up at once.
  async 'fifo-dead-letter'(lab) {
    const topic = await lab.topic('FIFO', 1);
    const group = await lab.group('1', 'orderly');
    const inbox = await lab.push(topic, group, m => m.body.toString() !== 'poison');
    const producer = await lab.producer(topic);
    for (const text of [ 'before', 'poison', 'after' ]) {
      await producer.send(message(topic, text, { messageGroup: 'one' }));
    }
    assert.deepStrictEqual(await inbox.texts(3), [ 'before', 'poison', 'after' ]);
    await lab.driver.ask(`dead-letter ${group} ${topic} poison`);
  },

  async 'wrong-topic'(lab) {
    const topic = await lab.topic();
    const absent = lab.unique('absent');
    const producer = await lab.producer(topic);
    await refused(() => producer.send(message(absent, 'lost')), Code.TOPIC_NOT_FOUND);
    const consumer = await lab.simple(topic, await lab.group());
    await refused(() => consumer.subscribe(absent, FilterExpression.SUB_ALL), Code.TOPIC_NOT_FOUND);
  },

  // The package refuses from the route what the topic does not take; asked not to look, it hears it from the server.
  async 'wrong-type'(lab) {
    for (const kind of [ 'NORMAL', 'FIFO', 'DELAY', 'TRANSACTION' ]) {
      const topic = await lab.topic(kind, 4, `topic-${kind}`);
      const careful = await lab.producer(topic, { async check() { return TransactionResolution.ROLLBACK; } });
      const careless = await lab.producer(topic, { async check() { return TransactionResolution.ROLLBACK; } });
      careless.publishingSettings.isValidateMessageType = () => false;
      for (const [ other, more ] of [[ 'NORMAL', {}], [ 'FIFO', { messageGroup: 'one' }], [ 'DELAY', { delay: 1000 }], [ 'TRANSACTION', {}]]) {
        const send = producer => producer.send(message(topic, 'x', more), other === 'TRANSACTION' ? producer.beginTransaction() : undefined);
        if (other === kind) {
          assert.ok((await send(careful)).messageId, 'its own type is taken');
        } else {
          await refused(() => send(careful), 'type not match with');
          await refused(() => send(careless), Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE);
        }
      }
    }
  },
};

const alone = {
  // Twenty times a message reaches a consumer that waits for it within a second; a loaded machine may be late twice.
  async 'long-poll'(lab) {
    const topic = await lab.topic('NORMAL', 1);
    const producer = await lab.producer(topic);
    const consumer = await lab.simple(topic, await lab.group());
    const late = [];
    for (const text of numbered('prompt', 20)) {
      const waiting = take(consumer, 1);
      await new Promise(resolve => setTimeout(resolve, 50));
      const start = Date.now();
      await sendAll(producer, topic, [ text ]);
      assert.deepStrictEqual(bodies(await waiting), [ text ]);
      const took = Date.now() - start;
      if (took >= 1000) {
        late.push(took);
      }
    }
    assert.ok(late.length <= 2, `late, in ms: ${late}`);
  },

  async 'kill-and-resume'(lab) {
    const topic = await lab.topic('NORMAL', 2);
    const producer = await lab.producer(topic);
    const inbox = await lab.push(topic, await lab.group());
    await sendAll(producer, topic, [ 'before' ]);
    await inbox.expect([ 'before' ]);
    await lab.driver.ask('restart');
    const end = Date.now() + 60000;
    for (;;) {
      try {
        await sendAll(producer, topic, [ 'after' ]);
        break;
      } catch (e) {
        if (Date.now() > end) {
          throw e;
        }
        await new Promise(resolve => setTimeout(resolve, 200));
      }
    }
    while ((await inbox.one(60)).body.toString() !== 'after');
  },
};

module.exports = { together, alone };
