'use strict';

// What a client of ali-ons must be able to do.

const assert = require('assert');
const packaged = require('ali-ons');
const { Inbox, Message, numbered, sendAll, stored } = require('./lab');

/**
 * What the other clients' suites try and this one cannot: no method or setting of the package has such a name. Async is
 * not among them: its one send returns a promise, which "sync" awaits and "async" does not.
 */
const missing = {
  'one-way send': /one.?way/i,
  'batch send': /^(?!consume|pull).*batch/i,
  'queue selector (a sharding key stands in for it)': /select.*queue|queue.*select/i,
  'pull consumer': /pull_?consumer/i,
  'trace': /trace/i,
};

/** Every name on an object and on what it inherits from. */
function names(object) {
  return object ? [ ...Object.getOwnPropertyNames(object), ...names(Object.getPrototypeOf(object)) ] : [];
}

const together = {
  async missing(lab) {
    const producer = await lab.producer();
    const consumer = lab.consumer(await lab.topic(1), await lab.group(), '*', () => {});
    const all = [ packaged, producer, producer.options, consumer, consumer.options, new Message('topic', 'tag', 'body') ].flatMap(names);
    assert.ok(all.includes('send') && all.includes('subscribe') && all.includes('maxReconsumeTimes'), 'names are found');
    for (const [ feature, name ] of Object.entries(missing)) {
      assert.deepStrictEqual(all.filter(n => name.test(n)), [], `${feature} wants a scenario now`);
    }
  },

  async sync(lab) {
    const topic = await lab.topic(4);
    const texts = numbered('sync', 30);
    await sendAll(await lab.producer(), topic, texts);
    const inbox = lab.consume(topic, await lab.group());
    await inbox.expect(texts);
    await inbox.nothing(0.2);
  },

  async async(lab) {
    const topic = await lab.topic(4);
    const producer = await lab.producer();
    const texts = numbered('async', 30);
    await Promise.all(texts.map(text => stored(producer, new Message(topic, 'all', text))));
    await lab.consume(topic, await lab.group()).expect(texts);
  },

  async properties(lab) {
    const topic = await lab.topic(1);
    const message = new Message(topic, 'the-tag', 'text ü 火');
    message.keys = [ 'key-1', 'key-2' ];
    message.properties.mine = 'ü 火';
    const result = await stored(await lab.producer(), message);
    const got = await lab.consume(topic, await lab.group()).one();
    assert.strictEqual(got.body.toString(), 'text ü 火');
    assert.strictEqual(got.tags, 'the-tag');
    assert.strictEqual(got.properties.KEYS.trim(), 'key-1 key-2');
    assert.strictEqual(got.properties.mine, 'ü 火');
    assert.ok([ got.msgId, got.uniqKey, got.properties.UNIQ_KEY ].includes(result.msgId), `${result.msgId} is not ${got.msgId}`);
  },

  async 'tag-filter'(lab) {
    const topic = await lab.topic(2);
    const producer = await lab.producer();
    for (const tag of [ 'red', 'green', 'blue', 'green', 'red' ]) {
      await stored(producer, new Message(topic, tag, tag));
    }
    const inbox = new Inbox();
    lab.consumer(topic, await lab.group(), 'red || blue', message => inbox.put(message));
    await inbox.expect([ 'red', 'blue', 'red' ]);
    await inbox.nothing(0.5);
  },

  async 'ordered-global'(lab) {
    const topic = await lab.topic(1);
    const inbox = lab.consume(topic, await lab.group());
    const texts = numbered('global', 60);
    await sendAll(await lab.producer(), topic, texts);
    assert.deepStrictEqual(await inbox.texts(60), texts);
  },

  // The producer picks the queue by the sharding key; each queue is read in order.
  async 'ordered-per-key'(lab) {
    const topic = await lab.topic(4);
    const producer = await lab.producer();
    for (const text of numbered('k', 40)) {
      const message = new Message(topic, 'all', text);
      message.shardingKey = 'one-key';
      await stored(producer, message);
    }
    assert.deepStrictEqual(await lab.consume(topic, await lab.group()).texts(40), numbered('k', 40));
  },

  // Twice the same group: every message reaches each member.
  async broadcast(lab) {
    const topic = await lab.topic(2);
    const group = await lab.group();
    const texts = numbered('broadcast', 10);
    await sendAll(await lab.producer(), topic, texts);
    for (const member of [ 1, 2 ].map(() => lab.consume(topic, group, { isBroadcast: true }))) {
      await member.expect(texts);
    }
  },

  // Two members share the queues, after as many rounds as their rebalance takes.
  async clustering(lab) {
    const topic = await lab.topic(2);
    const group = await lab.group();
    const producer = await lab.producer();
    const shares = [ 0, 0 ];
    const arrivals = new Inbox();
    for (const i of [ 0, 1 ]) {
      lab.consumer(topic, group, '*', () => {
        shares[i]++;
        arrivals.put(i);
      });
    }
    for (let round = 0; round < 500; round++) {
      shares.fill(0);
      await sendAll(producer, topic, numbered(`round-${round}`, 4));
      for (let i = 0; i < 4; i++) {
        await arrivals.one();
      }
      if (shares[0] === 2 && shares[1] === 2) {
        return;
      }
    }
    throw new Error('the members never halved the queues in 500 rounds');
  },

  async resume(lab) {
    const topic = await lab.topic(2);
    const group = await lab.group();
    const producer = await lab.producer();
    const before = new Inbox();
    const first = lab.consumer(topic, group, '*', message => before.put(message));
    const texts = numbered('before', 10);
    await sendAll(producer, topic, texts);
    await before.expect(texts);
    await lab.driver.ask(`committed ${topic} ${group} 2 10`);
    await lab.shut(first);
    const rest = numbered('after', 5);
    await sendAll(producer, topic, rest);
    const after = lab.consume(topic, group);
    await after.expect(rest);
    await after.nothing(0.3);
  },

  // A failed message comes again at level 3, ten seconds later.
  async retry(lab) {
    const topic = await lab.topic(1);
    const inbox = new Inbox();
    lab.consumer(topic, await lab.group(), '*', message => {
      inbox.put({ body: `${message.topic} ${message.reconsumeTimes}` });
      return message.reconsumeTimes ? undefined : packaged.Consumer.ACTION_RETRY;
    });
    await sendAll(await lab.producer(), topic, [ 'again' ]);
    assert.deepStrictEqual(await inbox.texts(2), [ `${topic} 0`, `${topic} 1` ]);
  },

  // Allowed one retry, a message that fails twice lies in the dead letter topic. The handler throws: of a message that comes
  // back, the package ignores what its handler returns, and ACTION_RETRY would count as success.
  async 'dead-letter'(lab) {
    const topic = await lab.topic(1);
    const group = await lab.group();
    const inbox = new Inbox();
    lab.consumer(topic, group, '*', message => {
      inbox.put({ body: `${message.topic} ${message.reconsumeTimes}` });
      throw new Error('poisonous');
    }, { maxReconsumeTimes: 1 });
    await sendAll(await lab.producer(), topic, [ 'poison' ]);
    assert.deepStrictEqual(await inbox.texts(2), [ `${topic} 0`, `${topic} 1` ]);
    await lab.driver.ask(`dead-letter ${group} ${topic} poison`);
    await inbox.nothing(1.5);
  },

  async 'delay-level'(lab) {
    const topic = await lab.topic(1);
    const inbox = lab.consume(topic, await lab.group());
    const message = new Message(topic, 'all', 'later');
    message.delayTimeLevel = 1;
    await stored(await lab.producer(), message);
    const got = await inbox.one();
    const waited = Date.now() - Number(got.bornTimestamp);
    assert.ok(waited >= 990 && waited <= 6000, `arrived after ${waited} ms`);
  },

  async 'body-large'(lab) {
    const topic = await lab.topic(1);
    const text = 'x'.repeat(4 << 20);
    await stored(await lab.producer({ maxMessageSize: 4 << 20, compressMsgBodyOverHowmuch: 8 << 20 }), new Message(topic, 'all', text));
    const got = await lab.consume(topic, await lab.group()).one();
    assert.ok(got.body.toString() === text, 'body is unchanged');
  },

  async compressed(lab) {
    const topic = await lab.topic(1);
    const text = 'compressible '.repeat(8000);
    await stored(await lab.producer(), new Message(topic, 'all', text));
    const got = await lab.consume(topic, await lab.group()).one();
    assert.ok(got.body.toString() === text, 'body is unchanged');
    assert.ok(got.storeSize < 8192, `stored in ${got.storeSize} bytes`);
  },

  // With a namespace the package prefixes topic and group on the wire.
  async namespace(lab) {
    const topic = lab.unique('topic');
    await lab.driver.ask(`topic space%${topic} 1`);
    await lab.driver.ask(`group space%${lab.unique('group')}`);
    await sendAll(await lab.producer({ namespace: 'space' }), topic, [ 'spaced' ]);
    await lab.consume(topic, lab.unique('group'), { namespace: 'space' }).expect([ 'spaced' ]);
    await lab.consume(`space%${topic}`, await lab.group()).expect([ 'spaced' ]);
  },
};

const alone = {
  // Twenty times a message reaches a consumer that waits for it within a second; a loaded machine may be late twice.
  async 'long-poll'(lab) {
    const topic = await lab.topic(1);
    const producer = await lab.producer();
    const inbox = lab.consume(topic, await lab.group());
    await sendAll(producer, topic, [ 'warm' ]);
    await inbox.expect([ 'warm' ]);
    const late = [];
    for (const text of numbered('prompt', 20)) {
      const start = Date.now();
      await sendAll(producer, topic, [ text ]);
      await inbox.expect([ text ]);
      const took = Date.now() - start;
      if (took >= 1000) {
        late.push(took);
      }
    }
    assert.ok(late.length <= 2, `late, in ms: ${late}`);
  },

  async 'kill-and-resume'(lab) {
    const topic = await lab.topic(2);
    const producer = await lab.producer();
    const inbox = lab.consume(topic, await lab.group());
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
      }
    }
    while ((await inbox.one(60)).body.toString() !== 'after');
  },
};

module.exports = { together, alone };
