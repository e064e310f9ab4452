'use strict';

// The conversation with the Go test that started this program, one line each way.

const readline = require('readline');

class Driver {
  constructor() {
    this.nextId = 0;
    this.waiting = new Map();
    const lines = readline.createInterface({ input: process.stdin });
    lines.on('line', line => {
      const [, id, ...text] = line.split(' ');
      this.waiting.get(id)(text.join(' '));
      this.waiting.delete(id);
    });
  }

  say(line) {
    process.stdout.write(line.replace(/\n/g, ' ') + '\n');
  }

  /** Waits for the answer; anything but "ok" is an error. */
  async ask(question) {
    const id = String(++this.nextId);
    const answer = new Promise(resolve => this.waiting.set(id, resolve));
    this.say(`ASK ${id} ${question}`);
    const text = await answer;
    if (text !== 'ok') {
      throw new Error(`${question}: ${text}`);
    }
  }
}

module.exports = Driver;
