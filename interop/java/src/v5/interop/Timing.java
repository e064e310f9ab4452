package interop;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** Messages for a time, and taking them back. Apache rounds to a second and may be a second or two late. */
final class Timing {
    private static final long LATE = 5_000;

    private Timing() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("timer", Timing::deliver),
            new Scenario("timer-recall", Timing::recall),
            new Scenario("timer-retry", Timing::retry),
            new Scenario("timer-refusals", Timing::refusals));
    }

    private static Message at(String topic, String body, long millis) {
        Message message = Lab.message(topic, "timed", body);
        message.setDeliverTimeMs(millis);
        return message;
    }

    /** Each way to name the time; none comes early, and each says where it was to go and when. */
    static void deliver(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("timed"));
        DefaultMQProducer producer = lab.producer();
        long now = System.currentTimeMillis();
        Message seconds = Lab.message(topic, "timed", "1");
        seconds.setDelayTimeSec(2);
        Message millis = Lab.message(topic, "timed", "2");
        millis.setDelayTimeMs(4_300);
        Message past = at(topic, "0", now - 1000);
        long[] due = {0, now + 2_000, now + 4_300, now / 1_000 * 1_000 + 8_777};
        for (Message message : List.of(at(topic, "3", due[3]), millis, seconds, past)) {
            SendResult sent = Lab.stored(producer.send(message));
            Check.equal("handle of " + new String(message.getBody()), message == past, sent.getRecallHandle() == null);
        }
        for (int i = 0; i < 4; i++) {
            MessageExt got = inbox.takeOne(30);
            long arrived = System.currentTimeMillis();
            Check.equal("order", "" + i, Check.text(got));
            if (i == 0) {
                Check.equal("TIMER_OUT_MS of one at once", null, got.getProperty("TIMER_OUT_MS"));
                continue;
            }
            if (!lab.cluster.isApache("early")) {
                Check.between("delivery " + i, due[i], due[i] + LATE, arrived);
            }
            Check.equal("REAL_TOPIC", topic, got.getProperty("REAL_TOPIC"));
            for (String name : List.of("REAL_QID", "TIMER_OUT_MS", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS")) {
                Check.that(name + " is missing in " + got.getProperties(), got.getProperty(name) != null);
            }
            Check.equal("topic", topic, got.getTopic());
            if (i == 3) {
                long before = due[i] - Long.parseLong(got.getProperty("TIMER_OUT_MS"));
                lab.cluster.differs("early", "due 1 ms before its time", "due " + before + " ms before its time");
            }
        }
        inbox.nothing(500);
    }

    /** What is recalled does not come; its handle has Apache's form, and a second recall does no harm. */
    static void recall(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = lab.consume(topic, lab.group(), lab.unique("timed"));
        DefaultMQProducer producer = lab.producer();
        long when = System.currentTimeMillis() + 4_000;
        SendResult gone = Lab.stored(producer.send(at(topic, "gone", when)));
        Lab.stored(producer.send(at(topic, "kept", when)));
        String[] words = new String(Base64.getUrlDecoder().decode(gone.getRecallHandle()), StandardCharsets.UTF_8).split(" ");
        Check.equal("words of the handle", List.of("v1", topic, "broker-a", gone.getMsgId()), List.of(words[0], words[1], words[2].isEmpty() ? "" : "broker-a", words[4]));
        Check.between("time of the handle", when - 1_000, when, Long.parseLong(words[3]));
        Check.equal("recalled", gone.getMsgId(), producer.recallMessage(topic, gone.getRecallHandle()));
        Check.equal("recalled again", gone.getMsgId(), producer.recallMessage(topic, gone.getRecallHandle()));
        Check.equal("delivered", "kept", Check.text(inbox.takeOne(30)));
        inbox.nothing(1500);
        refused("recall of a delivered message", 604, () -> producer.recallMessage(topic, gone.getRecallHandle()));
    }

    /** A timed message that fails comes back by its delay level, not by its time. */
    static void retry(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Inbox inbox = new Inbox();
        var consumer = lab.consumer(lab.group(), lab.unique("timed"));
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(inbox.failing(1, 1));
        consumer.start();
        Lab.stored(lab.producer().send(at(topic, "again", System.currentTimeMillis() + 2_000)));
        Check.equal("first", 0, inbox.takeOne(30).getReconsumeTimes());
        MessageExt back = inbox.takeOne(60);
        Check.equal("second", "again 1", Check.text(back) + " " + back.getReconsumeTimes());
        for (String name : List.of("TIMER_DELIVER_MS", "TIMER_DELAY_SEC", "TIMER_DELAY_MS")) {
            Check.equal(name, null, back.getProperty(name));
        }
        inbox.nothing(1500);
    }

    static void refusals(Lab lab) throws Exception {
        String topic = lab.topic(1);
        DefaultMQProducer producer = lab.producer();
        producer.setRetryTimesWhenSendFailed(0);
        refused("twenty years", 13, () -> producer.send(at(topic, "x", System.currentTimeMillis() + 20L * 365 * 24 * 3600 * 1000)));
        SendResult sent = Lab.stored(producer.send(at(topic, "x", System.currentTimeMillis() + 60_000)));
        String handle = sent.getRecallHandle();
        refused("another topic", 604, () -> producer.recallMessage(lab.createTopic(lab.unique("other"), 1), handle));
        Check.equal("recalled", sent.getMsgId(), producer.recallMessage(topic, handle));
    }

    private static void refused(String what, int code, java.util.concurrent.Callable<?> action) {
        Exception e = Check.fails(what, action);
        Check.that(what + ": " + e, e instanceof MQBrokerException && ((MQBrokerException) e).getResponseCode() == code);
    }
}
