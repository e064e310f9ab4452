package interop;

import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** Transactions: ended by their producer, or when the server asks about what nobody ended. */
final class GrpcTransacting {
    private GrpcTransacting() {
    }

    static List<Scenario> scenarios() {
        return List.of(
            new Scenario("transaction-ends", GrpcTransacting::ends),
            new Scenario("transaction-orphans", GrpcTransacting::orphans));
    }

    static void ends(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "TRANSACTION");
        Sdk.Views views = sdk.push(topic, sdk.group());
        Producer producer = sdk.producer(view -> TransactionResolution.UNKNOWN, topic);
        Transaction rolledBack = producer.beginTransaction();
        producer.send(Sdk.message(topic, "rolled back").build(), rolledBack);
        Transaction committed = producer.beginTransaction();
        SendReceipt receipt = producer.send(Sdk.message(topic, "committed").setTag("tag").setKeys("key").addProperty("name", "value").build(), committed);
        views.nothing(1_000); // before the end nobody sees them
        rolledBack.rollback();
        committed.commit();
        MessageView got = views.takeOne(30);
        Check.equal("committed", "committed", Sdk.text(got));
        Check.equal("id", receipt.getMessageId(), got.getMessageId());
        Check.equal("tag, keys, properties", "tag [key] {__transactionId__=" + receipt.getMessageId() + ", name=value}",
            got.getTag().orElse(null) + " " + got.getKeys() + " " + new java.util.TreeMap<>(got.getProperties()));
        views.nothing(5_000); // longer than the server waits before it asks
    }

    /** The producer says nothing; the server asks it, and once more after "unknown". */
    static void orphans(Lab lab) throws Exception {
        Sdk sdk = new Sdk(lab);
        String topic = sdk.topic(1, "TRANSACTION");
        Sdk.Views views = sdk.push(topic, sdk.group());
        LinkedBlockingQueue<String> asked = new LinkedBlockingQueue<>();
        Producer producer = sdk.producer(view -> {
            String text = Sdk.text(view);
            boolean again = asked.contains(text + " " + view.getMessageId());
            asked.add(text + " " + view.getMessageId());
            return text.startsWith("rollback") ? TransactionResolution.ROLLBACK
                : text.startsWith("later") && !again ? TransactionResolution.UNKNOWN : TransactionResolution.COMMIT;
        }, topic);
        TreeSet<String> want = new TreeSet<>();
        for (String text : List.of("commit", "rollback", "later")) {
            SendReceipt receipt = producer.send(Sdk.message(topic, text).build(), producer.beginTransaction());
            want.add(text + " " + receipt.getMessageId());
        }
        Check.equal("committed", new TreeSet<>(List.of("commit", "later")), Sdk.sorted(views.take(2, 60)));
        Check.equal("asked about", want, new TreeSet<>(asked));
        views.nothing((int) TimeUnit.SECONDS.toMillis(lab.cluster.isApache("committed-twice") ? 1 : 5)); // which may commit an answered one twice
    }
}
