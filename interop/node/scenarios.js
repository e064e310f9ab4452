'use strict';

// What a client of ali-ons must be able to do.

const assert = require('assert');
const { Consumer } = require('ali-ons');
const { Inbox, Message, numbered, sendAll, stored } = require('./lab');

const together = {
  async sync(lab) {
    const topic = await lab.topic(4);
    const texts = numbered('sync', 30);
    await sendAll(await lab.producer(), topic, texts);
    const inbox = lab.consume(topic, await lab.group());
    await inbox.expect(texts);
    await inbox.nothing(0.2);
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
      return message.reconsumeTimes ? undefined : Consumer.ACTION_RETRY;
    });
    await sendAll(await lab.producer(), topic, [ 'again' ]);
    assert.deepStrictEqual(await inbox.texts(2), [ `${topic} 0`, `${topic} 1` ]);
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
    const text = 'x'.repeat(900 * 1024); // the package reads and writes frames in buffers of one MiB
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
