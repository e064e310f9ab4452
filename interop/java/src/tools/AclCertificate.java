import org.apache.rocketmq.client.producer.DefaultMQProducer;

/** What the official clients are told whose connections show a certificate and who sign nothing, in the words of {@link Acl}; with a third argument, of one send alone. */
public class AclCertificate {
    public static void main(String[] args) {
        Acl.namesrv = args[0];
        Acl.broker = args[1];
        try {
            act(args.length > 2);
            System.exit(0);
        } catch (Throwable e) { // the clients' threads would go on
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void act(boolean once) throws Exception {
        DefaultMQProducer unsigned = Acl.producer(null);
        Acl.say("send", Acl.send(unsigned, "CertOpen", "hello"));
        if (once) {
            return;
        }
        Acl.say("another topic", Acl.send(unsigned, "CertShut", "x"));
        Acl.say("consume", () -> Acl.consume(null, "CertGroup", "CertOpen", "hello"));
        Acl.say("topic", Acl.make(Acl.admin(null), "CertNone"));
        Acl.say("wrong password", Acl.send(Acl.producer(Acl.as("orders", "wrong")), "CertOpen", "x"));
        Acl.say("signed by root", Acl.send(Acl.producer(Acl.as("root", "top-secret")), "CertShut", "x"));
    }
}
