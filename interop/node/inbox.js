'use strict';

const assert = require('assert');

/** Where a consumer's messages arrive, in the order in which its handler saw them. */
class Inbox {
  constructor() {
    this.messages = [];
    this.takers = [];
  }

  put(message) {
    const taker = this.takers.shift();
    if (taker) {
      taker(message);
    } else {
      this.messages.push(message);
    }
  }

  /** The next message; fails after some seconds. */
  one(seconds = 40) {
    if (this.messages.length) {
      return Promise.resolve(this.messages.shift());
    }
    return new Promise((resolve, reject) => {
      const taker = message => {
        clearTimeout(timer);
        resolve(message);
      };
      const timer = setTimeout(() => {
        this.takers.splice(this.takers.indexOf(taker), 1);
        reject(new Error(`no message in ${seconds} s`));
      }, seconds * 1000);
      this.takers.push(taker);
    });
  }

  async texts(count) {
    const got = [];
    while (got.length < count) {
      got.push((await this.one()).body.toString());
    }
    return got;
  }

  async expect(texts) {
    assert.deepStrictEqual((await this.texts(texts.length)).sort(), [...texts].sort());
  }

  async nothing(seconds) {
    let message;
    try {
      message = await this.one(seconds);
    } catch {
      return;
    }
    throw new Error(`unexpected message ${message.body}`);
  }
}

function numbered(prefix, count) {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(4, '0')}`);
}

module.exports = { Inbox, numbered };
