package interop;

import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** The ways to send, and what must arrive unchanged. */
final class Sending {
    private static final int BODY_LIMIT = 4 * 1024 * 1024;

    private Sending() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("sync", Sending::sync),
            new Scenario("async", Sending::async),
            new Scenario("oneway", Sending::oneway),
            new Scenario("batch", Sending::batch),
            new Scenario("properties", Sending::properties),
            new Scenario("traceparent", Sending::traceparent),
            new Scenario("body-at-limit", Sending::bodyAtLimit),
            new Scenario("body-over-limit", Sending::bodyOverLimit),
            new Scenario("compressed-zlib", Sending::compressed));
    }

    static void sync(Lab lab) throws Exception {
        String topic = lab.topic(4);
        List<String> texts = Lab.numbered("sync-", 50);
        Lab.sendAll(lab.producer(), topic, texts);
        Inbox inbox = lab.consume(topic, lab.group(), Lab.SHARED);
        Check.equal("received", new TreeSet<>(texts), Check.sorted(inbox.take(50, 20)));
        inbox.nothing(200);
    }

    /** The context of a trace, as OpenTelemetry's agents put it among the properties, arrives as it was sent; TestJavaSpans looks for it in spans. */
    static void traceparent(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Message message = Lab.message(topic, "all", "traced");
        message.putUserProperty("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        message.putUserProperty("tracestate", "congo=t61rcWkgMzE");
        Lab.stored(lab.producer().send(message));
        MessageExt got = lab.consume(topic, lab.group(), Lab.SHARED).takeOne(20);
        Check.equal("traceparent", message.getUserProperty("traceparent"), got.getUserProperty("traceparent"));
        Check.equal("tracestate", "congo=t61rcWkgMzE", got.getUserProperty("tracestate"));
    }

    static void async(Lab lab) throws Exception {
        String topic = lab.topic(4);
        DefaultMQProducer producer = lab.producer();
        BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
        List<String> texts = Lab.numbered("async-", 50);
        for (String text : texts) {
            producer.send(Lab.message(topic, "all", text), new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    answers.add(result);
                }

                @Override
                public void onException(Throwable e) {
                    answers.add(e);
                }
            });
        }
        for (int i = 0; i < texts.size(); i++) {
            Object answer = answers.poll(20, TimeUnit.SECONDS);
            Check.that("answer " + answer, answer instanceof SendResult);
            Lab.stored((SendResult) answer);
        }
        Inbox inbox = lab.consume(topic, lab.group(), Lab.SHARED);
        Check.equal("received", new TreeSet<>(texts), Check.sorted(inbox.take(50, 20)));
    }

    static void oneway(Lab lab) throws Exception {
        String topic = lab.topic(4);
        DefaultMQProducer producer = lab.producer();
        Inbox inbox = lab.consume(topic, lab.group(), Lab.SHARED);
        List<String> texts = Lab.numbered("oneway-", 20);
        for (String text : texts) {
            producer.sendOneway(Lab.message(topic, "all", text));
        }
        Check.equal("received", new TreeSet<>(texts), Check.sorted(inbox.take(20, 20)));
    }

    /** A batch lands in one queue at consecutive offsets, with an id for each message. */
    static void batch(Lab lab) throws Exception {
        String topic = lab.topic(4);
        List<String> texts = Lab.numbered("batch-", 10);
        List<Message> messages = texts.stream().map(t -> Lab.message(topic, "all", t)).toList();
        SendResult result = Lab.stored(lab.producer().send(messages));
        Check.equal("ids", 10, result.getMsgId().split(",").length);
        Check.equal("offset ids", 10, result.getOffsetMsgId().split(",").length);
        List<MessageExt> got = lab.consume(topic, lab.group(), Lab.SHARED).take(10, 20);
        Check.equal("received", new TreeSet<>(texts), Check.sorted(got));
        for (MessageExt message : got) {
            long want = result.getQueueOffset() + texts.indexOf(Check.text(message));
            Check.equal("queue offset of " + Check.text(message), want, message.getQueueOffset());
            Check.equal("queue id", result.getMessageQueue().getQueueId(), message.getQueueId());
        }
    }

    /** Tag, several keys, user properties with any characters, flag and both hosts make the round trip. */
    static void properties(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Message sent = new Message(topic, "the-tag", "", 77, "text ü 火".getBytes("UTF-8"), true);
        sent.setKeys(List.of("key-1", "key-2"));
        sent.putUserProperty("plain", "value");
        sent.putUserProperty("unicode", "ü 火 🚀");
        sent.putUserProperty("punctuation", "a=b;c|d\\e\"f");
        SendResult result = Lab.stored(lab.producer().send(sent));
        MessageExt got = lab.consume(topic, lab.group(), Lab.SHARED).takeOne(20);
        Check.equal("body", "text ü 火", Check.text(got));
        Check.equal("tag", "the-tag", got.getTags());
        Check.equal("keys", "key-1 key-2", got.getKeys());
        Check.equal("flag", 77, got.getFlag());
        Check.equal("plain", "value", got.getUserProperty("plain"));
        Check.equal("unicode", "ü 火 🚀", got.getUserProperty("unicode"));
        Check.equal("punctuation", "a=b;c|d\\e\"f", got.getUserProperty("punctuation"));
        Check.equal("id", result.getMsgId(), got.getMsgId());
        Check.equal("queue offset", result.getQueueOffset(), got.getQueueOffset());
        Check.that("born host " + got.getBornHost(), got.getBornHostString() != null);
        Check.between("store time", got.getBornTimestamp() - 1000, System.currentTimeMillis() + 1000, got.getStoreTimestamp());
    }

    private static byte[] noise(int size) {
        byte[] body = new byte[size];
        new Random(size).nextBytes(body);
        return body;
    }

    private static DefaultMQProducer bigProducer(Lab lab) throws Exception {
        DefaultMQProducer producer = lab.producer();
        producer.setMaxMessageSize(2 * BODY_LIMIT);
        producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        return producer;
    }

    static void bodyAtLimit(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Lab.stored(bigProducer(lab).send(new Message(topic, noise(BODY_LIMIT)), 20_000));
        MessageExt got = lab.consume(topic, lab.group(), Lab.SHARED).takeOne(30);
        Check.that("body is unchanged", java.util.Arrays.equals(noise(BODY_LIMIT), got.getBody()));
    }

    /** The client would refuse it itself; with a raised limit of its own it must hear 13 from the broker. */
    static void bodyOverLimit(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = bigProducer(lab);
        Exception e = Check.fails("body over the limit", () -> producer.send(new Message(topic, noise(BODY_LIMIT + 1)), 20_000));
        Check.that("exception " + e, e instanceof MQBrokerException);
        Check.equal("code", 13, ((MQBrokerException) e).getResponseCode());
        Lab.stored(producer.send(Lab.message(topic, "all", "still connected")));
    }

    static void compressed(Lab lab) throws Exception {
        sendCompressible(lab, lab.producer());
    }

    /** The record stays compressed in the store and arrives inflated. */
    static void sendCompressible(Lab lab, DefaultMQProducer producer) throws Exception {
        String topic = lab.topic(1);
        String text = "compressible ".repeat(8_000);
        Lab.stored(producer.send(Lab.message(topic, "all", text)));
        MessageExt got = lab.consume(topic, lab.group(), Lab.SHARED).takeOne(20);
        Check.that("body is unchanged", text.equals(Check.text(got)));
        Check.between("stored bytes", 1, 8_192, got.getStoreSize());
    }
}
