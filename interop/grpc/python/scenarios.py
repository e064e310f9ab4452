"""What the gRPC client for Python must be able to do."""

import re
import threading
import time

import rocketmq
from rocketmq import FilterExpression, Producer, PushConsumer, SimpleConsumer, TransactionResolution
from rocketmq.grpc_protocol import Code, FilterType

from lab import FAILURE, SUCCESS, Decider, bodies, equal, hold, message, nothing, numbered, refused, send_all, take, within

LIMIT = 4 << 20  # bytes of a body
UNREADABLE = (Code.INVALID_RECEIPT_HANDLE, Code.INTERNAL_SERVER_ERROR)
LATE = 5  # seconds that a delivery may be late on a loaded machine, and with Apache's steps of a second

# What other clients' suites try and this package has no name for.
MISSING = {"batch send": r"batch", "dead letters of a simple consumer": r"dead_?letter", "one-way send": r"one_?way"}


def missing(lab):
    names = [name for kind in (Producer, SimpleConsumer, PushConsumer) for name in dir(kind) if not name.startswith("_")]
    names = [name for name in names + dir(rocketmq) if name != "receive_batch_size"]
    equal("names are found", True, {"send", "receive", "LitePushConsumer"} <= set(names))
    for feature, pattern in MISSING.items():
        equal(feature + " wants a scenario now", [], [name for name in names if re.search(pattern, name, re.IGNORECASE)])


def send_normal(lab):
    topic, group = lab.topic(), lab.group()
    texts = numbered("normal", 40)
    receipts = send_all(lab.producer(topic), topic, texts)
    consumer = lab.simple(topic, group)
    got = take(consumer, len(texts))
    equal("bodies", texts, sorted(bodies(got)))
    equal("ids", sorted(r.message_id for r in receipts), sorted(m.message_id for m in got))
    nothing(consumer)


def send_async(lab):
    topic, group = lab.topic(), lab.group()
    producer, consumer = lab.producer(topic), lab.simple(topic, group)
    texts = numbered("async", 40)
    for future in [producer.send_async(message(topic, text)) for text in texts]:
        future.result(timeout=20)
    got = []
    while len(got) < len(texts):
        more = consumer.receive_async(8, 30).result(timeout=20)
        within("messages in one answer", 1, 8, len(more))
        got += more
    equal("bodies", texts, sorted(bodies(got)))


def properties(lab):
    topic, group = lab.topic(), lab.group()
    sent = message(topic, "text ü 火", tag="the-tag", mine="ü 火", other="two words")
    sent.keys = "key-1"
    sent.keys = "key-2"
    before = time.time() * 1000
    receipt = lab.producer(topic).send(sent)
    got = hold(lab.simple(topic, group), 1)[0]
    equal("topic", topic, got.topic)
    equal("body", "text ü 火", got.body.decode())
    equal("tag", "the-tag", got.tag)
    equal("keys", {"key-1", "key-2"}, got.keys)
    equal("properties", {"mine": "ü 火", "other": "two words"}, got.properties)
    equal("id", receipt.message_id, got.message_id)
    equal("attempt", 1, got.delivery_attempt)
    equal("type", 1, got.message_type)
    equal("corrupted", False, got.corrupted)
    equal("message group", None, got.message_group)
    within("born", before - 1000, time.time() * 1000, got.born_timestamp)
    within("given out", before, time.time() * 1000 + 1000, got.transport_delivery_timestamp)


def body_large(lab):
    """A body of exactly the limit comes back unchanged, and one byte more is refused, by the package and by the server."""
    topic, group = lab.topic(), lab.group()
    producer = lab.producer(topic)
    body = bytes(range(256)) * (LIMIT // 256)
    sent = message(topic, "x")
    sent.body = body
    producer.send(sent)
    consumer = lab.simple(topic, group)
    got = take(consumer, 1)[0]
    equal("body is unchanged", True, got.body == body and not got.corrupted)
    sent = message(topic, "x")
    sent.body = body + b"!"
    refused("max size=%d bytes" % LIMIT, lambda: producer.send(sent))
    producer._Producer__max_body_size = 8 << 20
    refused(Code.MESSAGE_BODY_TOO_LARGE, lambda: producer.send(sent))
    nothing(consumer)


def fifo(lab):
    """The messages of a message group come in order, whoever receives how many at a time."""
    topic, group = lab.topic("FIFO"), lab.group("16", "orderly")
    producer = lab.producer(topic)
    for i in range(60):
        producer.send(message(topic, "%d:%04d" % (i % 5, i), group="key-%d" % (i % 5)))
    consumer, got, end = lab.simple(topic, group), [], time.monotonic() + 60
    while len(got) < 60 and time.monotonic() < end:
        more = consumer.receive(4, 30)
        for m in more:
            consumer.ack(m)
        got += more
    in_order(got)


def fifo_push(lab):
    topic, group = lab.topic("FIFO"), lab.group("16", "orderly")
    inbox, producer = lab.push(topic, group), lab.producer(topic)
    for i in range(60):
        producer.send(message(topic, "%d:%04d" % (i % 5, i), group="key-%d" % (i % 5)))
    in_order(inbox.take(60))


def in_order(got):
    equal("messages", 60, len(got))
    for key in "01234":
        mine = [m for m in got if m.message_group == "key-" + key]
        equal("order of key " + key, ["%s:%04d" % (key, i) for i in range(int(key), 60, 5)], bodies(mine))
        equal("types", {2}, {m.message_type for m in mine})


def fifo_blocks(lab):
    """A message that is not acknowledged holds back those behind it, and comes again before them."""
    topic, group = lab.topic("FIFO", queues=1), lab.group("16", "orderly")
    producer = lab.producer(topic)
    for text in ["first", "second"]:
        producer.send(message(topic, text, group="one"))
    consumer = lab.simple(topic, group)
    got = hold(consumer, 1, most=1, hidden=12)
    equal("first", ["first"], bodies(got))
    nothing(consumer)
    again = hold(consumer, 1, most=1)
    equal("again", ["first"], bodies(again))
    equal("attempt", 2, again[0].delivery_attempt)
    consumer.ack(again[0])
    equal("then", ["second"], bodies(take(consumer, 1, most=1)))


def delay(lab):
    topic, group = lab.topic("DELAY"), lab.group()
    consumer, due = lab.simple(topic, group), int(time.time()) + 4
    receipt = lab.producer(topic).send(message(topic, "later", at=due))
    equal("it can be recalled", True, bool(receipt.recall_handle))
    got = take(consumer, 1)[0]
    within("arrival", due, due + LATE, time.time())
    equal("due", due * 1000, got.delivery_timestamp)
    equal("type", 3, got.message_type)
    equal("id", receipt.message_id, got.message_id)
    nothing(consumer)


def delay_too_long(lab):
    topic = lab.topic("DELAY")
    refused(Code.ILLEGAL_DELIVERY_TIME, lambda: lab.producer(topic).send(message(topic, "never", at=int(time.time()) + 20 * 365 * 86400)))


def recall(lab):
    topic, group = lab.topic("DELAY"), lab.group()
    producer, due = lab.producer(topic), int(time.time()) + 8
    kept = producer.send(message(topic, "kept", at=due))
    recalled = producer.send(message(topic, "recalled", at=due))
    equal("recalled", recalled.message_id, producer.recall_message(topic, recalled.recall_handle))
    consumer = lab.simple(topic, group)
    equal("the other", [kept.message_id], [m.message_id for m in take(consumer, 1)])
    within("arrival", due, due + LATE, time.time())
    nothing(consumer)
    refused(Code.INTERNAL_SERVER_ERROR, lambda: producer.recall_message(topic, "no handle"))


def transaction(lab):
    """Of what is committed, rolled back and left to the check, the consumer gets what it should."""
    topic, group = lab.topic("TRANSACTION"), lab.group()
    decider = Decider(lambda m: TransactionResolution.COMMIT if m.body == b"check-commit" else TransactionResolution.ROLLBACK)
    producer = lab.producer(topic, decider)
    receipts = {}
    for text in ["commit", "rollback", "check-commit", "check-rollback"]:
        running = producer.begin_transaction()
        receipts[text] = producer.send(message(topic, text, tag="the-tag", mine="ü 火"), running)
        equal("transaction id", True, bool(receipts[text].transaction_id))
        if text == "commit":
            running.commit()
        elif text == "rollback":
            running.rollback()
    consumer = lab.simple(topic, group)
    got = {m.body.decode(): m for m in take(consumer, 2)}
    equal("delivered", ["check-commit", "commit"], sorted(got))
    for text, m in got.items():
        equal("id", receipts[text].message_id, m.message_id)
        equal("tag and property", ("the-tag", "ü 火"), (m.tag, m.properties["mine"]))
        equal("type", 4, m.message_type)
    asked = [decider.asked.get(timeout=30) for _ in range(2)]
    equal("asked about", ["check-commit", "check-rollback"], sorted(bodies(asked)))
    for m in asked:
        equal("id asked about", receipts[m.body.decode()].message_id, m.message_id)
    nothing(consumer)


def tag_filter(lab):
    topic, group = lab.topic(), lab.group()
    producer = lab.producer(topic)
    for tag in ["red", "green", "blue", "green", "red"]:
        producer.send(message(topic, tag, tag=tag))
    consumer = lab.simple(topic, group, FilterExpression("red || blue"))
    equal("bodies", ["blue", "red", "red"], sorted(bodies(take(consumer, 3))))
    nothing(consumer)


def sql_filter(lab):
    topic, group = lab.topic(), lab.group()
    producer = lab.producer(topic)
    for i in range(6):
        producer.send(message(topic, str(i), tag="even" if i % 2 == 0 else "odd", number=str(i), place="near" if i < 3 else "far"))
    consumer = lab.simple(topic, group, FilterExpression("number > 1 AND (place = 'near' OR TAGS = 'odd')", FilterType.SQL))
    equal("bodies", ["2", "3", "5"], sorted(bodies(take(consumer, 3))))
    nothing(consumer)


def sql_filter_push(lab):
    topic, group = lab.topic(), lab.group()
    inbox = lab.push(topic, group, expression=FilterExpression("number BETWEEN 2 AND 4", FilterType.SQL))
    producer = lab.producer(topic)
    for i in range(6):
        producer.send(message(topic, str(i), number=str(i)))
    equal("bodies", ["2", "3", "4"], sorted(bodies(inbox.take(3))))


def sql_filter_wrong(lab):
    topic, group = lab.topic(), lab.group()
    consumer = lab.simple(topic, group, FilterExpression("number ><", FilterType.SQL))
    refused((Code.ILLEGAL_FILTER_EXPRESSION, Code.INTERNAL_SERVER_ERROR), lambda: consumer.receive(1, 30))  # Apache: the second


def redelivery(lab):
    """What is not acknowledged comes again when its invisible time is over, and not before; what is acknowledged does not."""
    topic, group = lab.topic(queues=1), lab.group()
    send_all(lab.producer(topic), topic, ["kept", "dropped"])
    consumer = lab.simple(topic, group)
    got = hold(consumer, 2, hidden=10)
    since = time.time()
    kept, dropped = sorted(got, key=lambda m: m.body, reverse=True)
    consumer.ack(kept)
    again = take(consumer, 1)[0]
    within("came again after", 9, 10 + LATE, time.time() - since)
    equal("body", "dropped", again.body.decode())
    equal("attempt", 2, again.delivery_attempt)
    equal("id", dropped.message_id, again.message_id)
    refused(Code.INVALID_RECEIPT_HANDLE, lambda: consumer.ack(dropped))
    nothing(consumer)


def invisible_time(lab):
    """A changed invisible time holds instead of the first; the handle that it answers acknowledges the message."""
    topic, group = lab.topic(queues=1), lab.group()
    send_all(lab.producer(topic), topic, ["sooner", "later"])
    consumer = lab.simple(topic, group)
    got = {m.body.decode(): m for m in hold(consumer, 2, hidden=15)}
    handle, since = got["sooner"].receipt_handle, time.time()
    consumer.change_invisible_duration(got["sooner"], 3)
    equal("the handle is new", True, got["sooner"].receipt_handle != handle)
    consumer.change_invisible_duration(got["later"], 25)
    again = hold(consumer, 1)[0]
    within("came again after", 2, 3 + LATE, time.time() - since)
    equal("body and attempt", ("sooner", 2), (again.body.decode(), again.delivery_attempt))
    consumer.ack(again)
    while time.time() - since < 17:
        nothing(consumer)
    consumer.ack(got["later"])


def invisible_time_wrong(lab):
    topic, group = lab.topic(), lab.group()
    consumer = lab.simple(topic, group)
    refused(Code.ILLEGAL_INVISIBLE_TIME, lambda: consumer.receive(1, 1))
    refused(Code.ILLEGAL_INVISIBLE_TIME, lambda: consumer.receive(1, 13 * 3600))
    send_all(lab.producer(topic), topic, ["one"])
    got = hold(consumer, 1)[0]
    refused(Code.ILLEGAL_INVISIBLE_TIME, lambda: consumer.change_invisible_duration(got, 13 * 3600))


def handle_wrong(lab):
    """Apache answers with an internal error to a handle that it cannot read, and by its name to one that is over (see redelivery)."""
    topic, group = lab.topic(), lab.group()
    send_all(lab.producer(topic), topic, ["one"])
    consumer = lab.simple(topic, group)
    got = hold(consumer, 1)[0]
    handle, got.receipt_handle = got.receipt_handle, "no handle"
    refused(UNREADABLE, lambda: consumer.ack(got))
    refused(UNREADABLE, lambda: consumer.change_invisible_duration(got, 20))
    got.receipt_handle = handle
    consumer.ack(got)


def push(lab):
    topic, group = lab.topic(), lab.group()
    inbox, producer = lab.push(topic, group), lab.producer(topic)
    texts = numbered("push", 100)
    send_all(producer, topic, texts)
    equal("bodies", texts, sorted(bodies(inbox.take(100))))


def push_tag_filter(lab):
    topic, group = lab.topic(), lab.group()
    inbox, producer = lab.push(topic, group, expression=FilterExpression("red")), lab.producer(topic)
    for tag in ["green", "red", "green", "red"]:
        producer.send(message(topic, tag, tag=tag))
    equal("bodies", ["red", "red"], bodies(inbox.take(2)))


def push_retry(lab):
    """What the listener fails comes again."""
    topic, group = lab.topic(), lab.group()
    inbox = lab.push(topic, group, lambda m: FAILURE if m.delivery_attempt == 1 else SUCCESS)
    receipt = send_all(lab.producer(topic), topic, ["again"])[0]
    for attempt in [1, 2]:
        got = inbox.one()[0]
        equal("attempt", attempt, got.delivery_attempt)
        equal("topic, body and id", (topic, b"again", receipt.message_id), (got.topic, got.body, got.message_id))


def push_slow(lab):
    """The server renews the invisible time of what a listener works on for longer than that."""
    topic, group = lab.topic(), lab.group()
    release = threading.Event()

    def hold(m):
        release.wait(30)
        return SUCCESS

    inbox = lab.push(topic, group, hold)
    send_all(lab.producer(topic), topic, ["slow"])
    release.wait(20)
    release.set()
    equal("attempt", 1, inbox.one()[0].delivery_attempt)


def dead_letter(lab):
    """With one retry, what fails twice lies in the group's dead letter topic."""
    topic, group = lab.topic(), lab.group("1")
    inbox = lab.push(topic, group, lambda m: FAILURE)
    send_all(lab.producer(topic), topic, ["poison"])
    equal("attempts", [1, 2], [m.delivery_attempt for m in inbox.take(2)])
    lab.driver.ask("dead-letter %s %s poison" % (group, topic))


def fifo_dead_letter(lab):
    """A poisonous message of a message group goes to the dead letters, and those behind it go on."""
    topic, group = lab.topic("FIFO", queues=1), lab.group("1", "orderly")
    inbox = lab.push(topic, group, lambda m: FAILURE if m.body == b"poison" else SUCCESS)
    producer = lab.producer(topic)
    for text in ["before", "poison", "after"]:
        producer.send(message(topic, text, group="one"))
    equal("seen", ["before", "poison", "poison", "after"], bodies(inbox.take(4)))
    lab.driver.ask("dead-letter %s %s poison" % (group, topic))


def wrong_topic(lab):
    """The package hides the code of an absent topic."""
    topic, absent = lab.topic(), lab.unique("absent")
    refused("failed to fetch topic:%s route" % absent, lambda: lab.producer(topic).send(message(absent, "lost")))
    refused("failed to fetch topic:%s route" % absent, lambda: lab.simple(topic, lab.group()).subscribe(absent))


def wrong_type(lab):
    """The package refuses from the route what the topic does not take; asked not to look, it hears it from the server."""
    for kind in ["NORMAL", "FIFO", "DELAY", "TRANSACTION"]:
        topic = lab.topic(kind, name="topic-" + kind)
        careful, careless = lab.producer(topic, Decider(None)), lab.producer(topic, Decider(None))
        careless.reset_setting = lambda settings: None  # settings that come later would make it careful again
        careless._Producer__validate_message_type = False
        takes = None
        for other, sent in [("NORMAL", message(topic, "x")), ("FIFO", message(topic, "x", group="one")),
                            ("DELAY", message(topic, "x", at=int(time.time()) + 1)), ("TRANSACTION", message(topic, "x"))]:
            def send(producer):
                return producer.send(sent, producer.begin_transaction() if other == "TRANSACTION" else None)
            if other == kind:
                takes = send(careful).message_id
            else:
                refused("not match with queue accept message types", lambda: send(careful))
                refused(Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, lambda: send(careless))
        equal("its own type is taken", True, bool(takes))


def long_poll(lab):
    """Twenty times a message reaches a consumer that waits for it within a second; a loaded machine may be late twice."""
    topic, group = lab.topic(queues=1), lab.group()
    producer, consumer, late = lab.producer(topic), lab.simple(topic, group), []
    for text in numbered("prompt", 20):
        waiting = consumer.receive_async(1, 30)
        time.sleep(0.05)
        start = time.monotonic()
        producer.send(message(topic, text))
        got = waiting.result(timeout=20)
        took = time.monotonic() - start
        equal("bodies", [text], bodies(got))
        consumer.ack(got[0])
        if took >= 1:
            late.append(took)
    equal("late, in s", [], late[2:])


def kill_and_resume(lab):
    topic, group = lab.topic(queues=2), lab.group()
    inbox, producer = lab.push(topic, group), lab.producer(topic)
    send_all(producer, topic, ["before"])
    equal("before", ["before"], bodies(inbox.take(1)))
    lab.driver.ask("restart")
    end = time.monotonic() + 60
    while True:
        try:
            send_all(producer, topic, ["after"])
            break
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
    while bodies(inbox.take(1)) != ["after"]:
        pass


ALONE = [long_poll, kill_and_resume]
TOGETHER = [dead_letter, invisible_time, fifo_dead_letter, redelivery, recall, transaction, push_retry, fifo_blocks, push_slow, fifo,
            delay, wrong_type, missing, send_normal, send_async, properties, body_large, fifo_push, delay_too_long, tag_filter,
            sql_filter, sql_filter_push, sql_filter_wrong, invisible_time_wrong, handle_wrong, push, push_tag_filter, wrong_topic]
