package interop;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What comes later: redelivery, the dead letter queue, delay levels. */
final class Retrying {
    private Retrying() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("retry-default-level", Retrying::retryDefaultLevel),
            new Scenario("dead-letter", Retrying::deadLetter),
            new Scenario("retry-chosen-level", Retrying::retryChosenLevel),
            new Scenario("delay-level", Retrying::delayLevel),
            new Scenario("dead-letter-resent", Retrying::deadLetterResent));
    }

    /** A dead letter that is sent to its group again arrives as if it had never failed. RocketMQ has no such request. */
    static void deadLetterResent(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = consumeFailing(lab, topic, 1, 1, 0);
        Message message = Lab.message(topic, "tagged", "poison");
        message.setKeys("the-key");
        SendResult sent = Lab.stored(lab.producer().send(message));
        inbox.takeOne(30);
        lab.cluster.driver().ask("dead-letter " + lab.unique("group") + " " + topic + " poison");
        try {
            lab.cluster.driver().ask("resend " + lab.unique("group"));
        } catch (AssertionError e) {
            if (!lab.cluster.isApache("dead-letter-resent")) {
                throw e;
            }
            lab.cluster.differs("dead-letter-resent", "sent again", "no such request");
            return;
        }
        lab.cluster.differs("dead-letter-resent", "sent again", "sent again");
        MessageExt again = inbox.takeOne(30);
        Check.equal("topic", topic, again.getTopic());
        Check.equal("body", "poison", Check.text(again));
        Check.equal("tag", "tagged", again.getTags());
        Check.equal("keys", "the-key", again.getKeys());
        Check.equal("reconsumeTimes", 0, again.getReconsumeTimes());
        Check.equal("unique id", sent.getMsgId(), again.getProperty("UNIQ_KEY"));
        inbox.nothing(1_000);
    }

    private static Inbox consumeFailing(Lab lab, String topic, int failures, int level, int maxReconsumeTimes) throws Exception {
        Inbox inbox = new Inbox();
        DefaultMQPushConsumer consumer = lab.consumer(lab.group(), Lab.SHARED);
        consumer.setMaxReconsumeTimes(maxReconsumeTimes);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.failing(failures, level));
        consumer.start();
        return inbox;
    }

    /** Without a wish of the listener the first retry is level 3, ten seconds later. */
    static void retryDefaultLevel(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = consumeFailing(lab, topic, 1, 0, -1);
        Lab.sendAll(lab.producer(), topic, List.of("again"));
        inbox.takeOne(20);
        long failed = System.nanoTime();
        MessageExt second = inbox.takeOne(40);
        Check.equal("reconsumeTimes", 1, second.getReconsumeTimes());
        Check.between("ms until redelivery", 9_000, 20_000, (System.nanoTime() - failed) / 1_000_000);
    }

    /** The copy has the original's topic, keys, properties and id; level 1 is one second. */
    static void retryChosenLevel(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = consumeFailing(lab, topic, 2, 1, -1);
        Message message = Lab.message(topic, "tagged", "again");
        message.setKeys("the-key");
        message.putUserProperty("mine", "kept");
        SendResult result = Lab.stored(lab.producer().send(message));
        MessageExt first = inbox.takeOne(20);
        Check.equal("reconsumeTimes of the first", 0, first.getReconsumeTimes());
        for (int times = 1; times <= 2; times++) {
            MessageExt copy = inbox.takeOne(20);
            Check.equal("reconsumeTimes", times, copy.getReconsumeTimes());
            Check.equal("topic", topic, copy.getTopic());
            Check.equal("tag", "tagged", copy.getTags());
            Check.equal("keys", "the-key", copy.getKeys());
            Check.equal("property", "kept", copy.getUserProperty("mine"));
            Check.equal("unique id", result.getMsgId(), copy.getProperty("UNIQ_KEY"));
            Check.equal("origin", result.getOffsetMsgId(), copy.getProperty("ORIGIN_MESSAGE_ID"));
            Check.equal("retry topic", topic, copy.getProperty("RETRY_TOPIC"));
        }
        inbox.nothing(1_500);
    }

    /** Allowed one retry, a message that fails twice lies in the dead letter topic, where a pull finds it. */
    static void deadLetter(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = consumeFailing(lab, topic, Integer.MAX_VALUE, 1, 1);
        Lab.sendAll(lab.producer(), topic, List.of("poison"));
        Check.equal("reconsumeTimes", 0, inbox.takeOne(20).getReconsumeTimes());
        Check.equal("reconsumeTimes", 1, inbox.takeOne(20).getReconsumeTimes());
        MessageExt letter = letter(lab, lab.unique("group"));
        Check.equal("letter", "poison", Check.text(letter));
        Check.equal("topic of origin", topic, letter.getProperty("RETRY_TOPIC"));
        inbox.nothing(1_500);
    }

    /** The group's one dead letter, as soon as it can be pulled. */
    static MessageExt letter(Lab lab, String group) throws Exception {
        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        AtomicReference<List<MessageExt>> letters = new AtomicReference<>();
        Check.eventually("the letter can be pulled", 20, () -> {
            MessageQueue queue = reader.fetchSubscribeMessageQueues("%DLQ%" + group).iterator().next();
            PullResult result = reader.pull(queue, "*", 0, 32);
            letters.set(result.getMsgFoundList());
            return result.getPullStatus() == PullStatus.FOUND;
        });
        Check.equal("letters", 1, letters.get().size());
        return letters.get().get(0);
    }

    /** Levels 1 and 2 (1 s and 5 s) arrive in due order, never early. */
    static void delayLevel(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        Inbox inbox = lab.consume(topic, lab.group(), Lab.SHARED);
        for (int level : List.of(2, 1)) {
            Message message = Lab.message(topic, "all", "level " + level);
            message.setDelayTimeLevel(level);
            Lab.stored(producer.send(message));
        }
        for (int level : List.of(1, 2)) {
            MessageExt got = inbox.takeOne(20);
            Check.equal("text", "level " + level, Check.text(got));
            long due = level == 1 ? 1_000 : 5_000;
            Check.between("delay in ms", due - 10, due + 5_000, System.currentTimeMillis() - got.getBornTimestamp());
        }
    }
}
