package interop;

import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** The server dies by kill -9 and comes back on the same data; clients reconnect by themselves. */
final class Restarting {
    private Restarting() {
    }

    /**
     * Unread messages, a pending delay and the topic itself outlive the kill; a consumer that ran through it goes on, and
     * one that comes later starts where the group stopped.
     */
    static void killAndResume(Lab lab) throws Exception {
        String topic = lab.topic(2);
        String unread = lab.createTopic(lab.unique("unread"), 2);
        String group = lab.group();
        DefaultMQProducer producer = lab.producer();
        Inbox living = lab.consume(topic, group, Lab.SHARED);
        Lab.sendAll(producer, topic, Lab.numbered("before-", 10));
        living.take(10, 20);
        List<String> kept = Lab.numbered("kept-", 20);
        Lab.sendAll(producer, unread, kept);
        Message later = Lab.message(topic, "all", "delayed over the kill");
        later.setDelayTimeLevel(2);
        Lab.stored(producer.send(later));

        lab.cluster.driver().ask("restart");

        Check.eventually("sending works again", 60, () -> {
            Lab.stored(producer.send(Lab.message(topic, "all", "after")));
            return true;
        });
        Check.eventually("the living consumer goes on", 60, () -> living.size() >= 2);
        TreeSet<String> got = Check.sorted(living.take(living.size(), 1));
        Check.that("after and delayed in " + got, got.contains("after") && got.contains("delayed over the kill"));
        List<MessageExt> all = lab.consume(unread, lab.createGroup(lab.unique("late")), lab.unique("late")).take(20, 60);
        Check.equal("unread messages", new TreeSet<>(kept), Check.sorted(all));
    }
}
