"""What a client of the C++ library must be able to do. Its consumers start at the end of a topic that they do not know,
so they are started before the sending."""

import base64
import random
import re
import threading
import time

from rocketmq.client import Message, MessageModel, Producer, PullConsumer, PushConsumer, dll

from lab import LATER, SUCCESS, Inbox, equal, message, numbered, send_all, stored


# What the other clients' suites try and this one cannot: neither the package nor the library under it has a function of
# such a name. A namespace can still be written into the names, and a group's own retries lead to its dead letters.
MISSING = {
    "trace": (r"trace", ["SetProducerMessageTrace", "SetPushConsumerMessageTrace"]),
    "namespace": (r"name_?space", ["SetProducerNameSpace", "SetPushConsumerNameSpace"]),
    "retries of a consumer": (r"reconsume_?times|max_?re", ["SetPushConsumerMaxReconsumeTimes"]),
}


def missing(lab):
    names = [name for kind in (Producer, PushConsumer, PullConsumer, Message) for name in dir(kind)]
    equal("names are found", True, "send_sync" in names and hasattr(dll, "SetProducerInstanceName"))
    for feature, (pattern, functions) in MISSING.items():
        found = [name for name in names if re.search(pattern, name, re.IGNORECASE)]
        equal(feature + " wants a scenario now", [], found + [f for f in functions if hasattr(dll, f)])


def batch(lab):
    """The library loses what it is given: three messages are stored as one without a body, on Apache as on Aerobee."""
    topic, group = lab.topic(1), lab.group()
    result = stored(lab.producer().send_batch([message(topic, text) for text in numbered("batch", 3)]))
    equal("offset", 0, result.offset)
    consumer = PullConsumer(group)
    consumer.set_namesrv_addr(lab.namesrv)
    consumer.start()
    equal("bodies", [b""], [m.body for m in consumer.pull(topic)])
    consumer.shutdown()


def namespace(lab):
    """The library has no setting for it, but on the wire a namespace is a prefix: a client that has one meets this."""
    topic, group = lab.unique("topic"), lab.unique("group")
    lab.driver.ask("topic space%%%s 1" % topic)
    lab.driver.ask("group space%%%s" % group)
    inbox = lab.consume("space%" + topic, "space%" + group)
    send_all(lab.producer(), "space%" + topic, ["mine"])
    inbox.expect(["mine"])
    lab.driver.ask("send space%%%s theirs" % topic)
    inbox.expect(["theirs"])
    lab.driver.ask("committed space%%%s space%%%s 1 2" % (topic, group))


def send_sync(lab):
    topic, group = lab.topic(4), lab.group()
    inbox = lab.consume(topic, group)
    texts = numbered("sync", 50)
    send_all(lab.producer(), topic, texts)
    inbox.expect(texts)


def send_async(lab):
    topic, group = lab.topic(4), lab.group()
    inbox, producer = lab.consume(topic, group), lab.producer()
    texts, answers, done = numbered("async", 20), [], threading.Event()

    def answered(answer):
        answers.append(answer)
        if len(answers) == len(texts):
            done.set()

    for text in texts:
        producer.send_async(message(topic, text), answered, answered)
    equal("all answered", True, done.wait(20))
    for answer in answers:
        stored(answer)
    inbox.expect(texts)


def send_oneway(lab):
    topic, group = lab.topic(4), lab.group()
    inbox, producer = lab.consume(topic, group), lab.producer()
    texts = numbered("oneway", 20)
    for text in texts:
        producer.send_oneway(message(topic, text))
    inbox.expect(texts)


def properties(lab):
    topic, group = lab.topic(1), lab.group()
    inbox = lab.consume(topic, group)
    sent = message(topic, "text ü 火", tag="the-tag")
    sent.set_keys("key-1 key-2")
    sent.set_property("mine", "ü 火")
    result = stored(lab.producer().send_sync(sent))
    got = inbox.one()
    equal("body", "text ü 火", got.body)
    equal("tag", b"the-tag", got.tags)
    equal("keys", b"key-1 key-2", got.keys)
    equal("property", "ü 火".encode(), got.mine)
    equal("id", result.msg_id, got.id)


def tag_filter(lab):
    topic, group = lab.topic(4), lab.group()
    inbox, producer = lab.consume(topic, group, expression="red || blue"), lab.producer()
    for tag in ["red", "green", "blue", "green", "red"]:
        stored(producer.send_sync(message(topic, tag, tag=tag)))
    inbox.expect(["red", "blue", "red"])
    inbox.nothing(0.5)


def ordered_global(lab):
    topic, group = lab.topic(1), lab.group()
    inbox = lab.consume(topic, group, orderly=True)
    texts = numbered("global", 60)
    send_all(lab.producer(), topic, texts)
    equal("order", texts, [m.body for m in inbox.take(60)])


def ordered_per_key(lab):
    topic, group = lab.topic(4), lab.group()
    inbox, producer = lab.consume(topic, group, orderly=True), lab.producer()
    for i in range(60):
        stored(producer.send_orderly(message(topic, "%d:%04d" % (i % 5, i)), i % 5))
    got = [m.body for m in inbox.take(60)]
    for key in "01234":
        mine = [body for body in got if body[0] == key]
        equal("messages of key " + key, 12, len(mine))
        equal("order of key " + key, sorted(mine), mine)


def broadcast(lab):
    topic, group = lab.topic(2), lab.group()
    members = [lab.consume(topic, group, model=MessageModel.BROADCASTING) for _ in range(2)]
    texts = numbered("broadcast", 10)
    send_all(lab.producer(), topic, texts)
    for member in members:
        member.expect(texts)


def clustering(lab):
    """Two members of a group; every message reaches exactly one of them, and in the end each has its half. The second
    comes when both queues have an offset: a member that takes over a queue without one would skip what is in it."""
    topic, group = lab.topic(2), lab.group()
    left, producer = lab.consume(topic, group), lab.producer()
    send_all(producer, topic, numbered("alone", 4))
    left.expect(numbered("alone", 4))
    lab.driver.ask("committed %s %s 2 4" % (topic, group))
    right = lab.consume(topic, group)
    for turn in range(200):
        send_all(producer, topic, ["%d-%d" % (turn, i) for i in range(4)])
        shares = [0, 0]
        end = time.monotonic() + 40
        while sum(shares) < 4:
            for i, member in enumerate([left, right]):
                try:
                    member.one(0.02)
                    shares[i] += 1
                except AssertionError:
                    if time.monotonic() > end:
                        raise
        if shares == [2, 2]:
            return
    raise AssertionError("the members never halved the queues in 200 rounds")


def body_large(lab):
    """Four MiB of text, which the library compresses to three."""
    topic, group = lab.topic(1), lab.group()
    inbox, producer = lab.consume(topic, group), lab.producer()
    producer.set_max_message_size(8 << 20)
    text = base64.b64encode(random.Random(1).randbytes(3 << 20)).decode()
    equal("bytes", 4 << 20, len(text))
    stored(producer.send_sync(message(topic, text)))
    equal("body is unchanged", True, inbox.one().body == text)


def compressed(lab):
    topic, group = lab.topic(1), lab.group()
    inbox = lab.consume(topic, group)
    text = "compressible " * 8000
    stored(lab.producer().send_sync(message(topic, text)))
    got = inbox.one()
    equal("body is unchanged", True, got.body == text)
    equal("stored compressed", True, got.size < 8192)


def pull(lab):
    topic, group = lab.topic(2), lab.group()
    texts = numbered("pull", 10)
    send_all(lab.producer(), topic, texts)
    consumer = PullConsumer(group)
    consumer.set_namesrv_addr(lab.namesrv)
    consumer.start()
    equal("received", texts, sorted(m.body.decode() for m in consumer.pull(topic)))
    send_all(lab.producer(), topic, ["one more"])
    equal("received after", ["one more"], [m.body.decode() for m in consumer.pull(topic)])
    consumer.shutdown()


def delay_level(lab):
    topic, group = lab.topic(1), lab.group()
    inbox, producer = lab.consume(topic, group), lab.producer()
    sent = message(topic, "later")
    sent.set_delay_time_level(1)
    stored(producer.send_sync(sent))
    got = inbox.one()
    waited = time.time() * 1000 - got.born
    equal("arrives after one second (%d ms)" % waited, True, 990 <= waited <= 6000)


def retry(lab):
    """Fails once; the library leaves the level to the broker, so it comes again after ten seconds. A first consumer comes
    and goes: its heartbeat makes the retry topic, which the library would otherwise look for only 30 s later."""
    topic, group = lab.topic(1), lab.group()
    lab.shutdown(lab.consumer(topic, group, lambda m: SUCCESS))
    inbox = Inbox()

    def fail_once(m):
        inbox.put(m)
        return SUCCESS if m.reconsume_times else LATER

    lab.consumer(topic, group, fail_once)
    send_all(lab.producer(), topic, ["again"])
    for times in (0, 1):
        got = inbox.one(60)
        equal("reconsumeTimes", times, got.times)
        equal("topic", topic, got.topic)


def dead_letter(lab):
    """Its group allows one retry, for the library cannot say how many it wants: a message that fails twice lies in the
    dead letter topic. Apache 5.5.0 loses it: it answers the second send-back (36) with a NullPointerException, because
    this client names no origin topic, and the library goes on."""
    topic, group = lab.topic(1), lab.unique("group")
    lab.driver.ask("group %s 1" % group)
    lab.shutdown(lab.consumer(topic, group, lambda m: SUCCESS))  # as in retry
    inbox = Inbox()

    def fail(m):
        inbox.put(m)
        return LATER

    lab.consumer(topic, group, fail)
    send_all(lab.producer(), topic, ["poison"])
    for times in (0, 1):
        equal("reconsumeTimes", times, inbox.one(60).times)
    try:
        lab.driver.ask("dead-letter %s %s poison" % (group, topic))
        where = "in the dead letter topic"
    except AssertionError as e:
        if "%%DLQ%%%s] not exist" % group not in str(e):
            raise
        where = "lost"
    lab.differs("python-dead-letter", "in the dead letter topic", where)
    inbox.nothing(1.5)


def resume(lab):
    topic, group = lab.topic(2), lab.group()
    producer, before = lab.producer(), Inbox()

    def keep(m):
        before.put(m)
        return SUCCESS

    first = lab.consumer(topic, group, keep)
    texts = numbered("before", 10)
    send_all(producer, topic, texts)
    before.expect(texts)
    lab.driver.ask("committed %s %s 2 10" % (topic, group))
    lab.shutdown(first)
    rest = numbered("after", 5)
    send_all(producer, topic, rest)
    after = lab.consume(topic, group)
    after.expect(rest)
    after.nothing(0.3)


def long_poll(lab):
    """Twenty times a message reaches a consumer that waits for it within a second; a loaded machine may be late twice."""
    topic, group = lab.topic(1), lab.group()
    inbox, producer = lab.consume(topic, group), lab.producer()
    send_all(producer, topic, ["warm"])
    inbox.expect(["warm"])
    late = []
    for text in numbered("prompt", 20):
        start = time.monotonic()
        send_all(producer, topic, [text])
        inbox.expect([text])
        took = time.monotonic() - start
        if took >= 1:
            late.append(took)
    equal("at most two are late, in s: %s" % late, True, len(late) <= 2)


def kill_and_resume(lab):
    topic, group = lab.topic(2), lab.group()
    producer, inbox = lab.producer(), lab.consume(topic, group)
    send_all(producer, topic, ["before"])
    inbox.expect(["before"])
    lab.driver.ask("restart")
    end = time.monotonic() + 60
    while True:
        try:
            send_all(producer, topic, ["after"])
            break
        except Exception:
            if time.monotonic() > end:
                raise
    while inbox.one(max(0.01, end - time.monotonic())).body != "after":
        pass


TOGETHER = [retry, dead_letter, missing, batch, namespace, delay_level, clustering, resume, broadcast, send_sync, send_async,
            send_oneway, properties, tag_filter, ordered_global, ordered_per_key, body_large, compressed, pull]
ALONE = [long_poll, kill_and_resume]
