package interop;

import java.util.List;
import java.util.Locale;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** What Aerobee does not serve yet is refused by name, never stored as a plain message. Apache serves all of it. */
final class Refusing {
    private Refusing() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("transaction-refused", Refusing::transaction),
            new Scenario("timer-refused", Refusing::timer));
    }

    static void transaction(Lab lab) throws Exception {
        String topic = lab.topic(1);
        TransactionMQProducer producer = new TransactionMQProducer(lab.unique("producer"));
        producer.setTransactionListener(new Commit());
        lab.start(producer, lab.unique("producer"));
        refused("transaction", Check.fails("a half message",
            () -> producer.sendMessageInTransaction(Lab.message(topic, "all", "half"), null)));
        nothingStored(lab, topic);
    }

    static void timer(Lab lab) throws Exception {
        String topic = lab.topic(1);
        Message message = Lab.message(topic, "all", "later");
        message.putUserProperty("TIMER_DELAY_SEC_", "ignored");
        org.apache.rocketmq.common.message.MessageAccessor.putProperty(message, "TIMER_DELAY_SEC", "30");
        var producer = lab.producer();
        refused("timer", Check.fails("a timer message", () -> producer.send(message)));
        nothingStored(lab, topic);
    }

    private static void refused(String feature, Exception e) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            text.append(cause).append(' ');
        }
        Check.that("the refusal names the " + feature + ": " + text, text.toString().toLowerCase(Locale.ROOT).contains(feature));
    }

    private static void nothingStored(Lab lab, String topic) throws Exception {
        DefaultMQPullConsumer reader = lab.pullConsumer(lab.createGroup(lab.unique("reader")));
        MessageQueue queue = reader.fetchSubscribeMessageQueues(topic).iterator().next();
        Check.equal("status of the empty topic", PullStatus.NO_NEW_MSG, reader.pull(queue, "*", 0, 32).getPullStatus());
    }

    private static final class Commit implements TransactionListener {
        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return LocalTransactionState.COMMIT_MESSAGE;
        }
    }
}
