package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Runs the scenarios of the client that speaks gRPC, as Main does those of the client that speaks remoting. */
final class GrpcMain {
    private GrpcMain() {
    }

    public static void main(String[] arguments) {
        try {
            start();
        } catch (Exception | AssertionError e) {
            e.printStackTrace();
            System.exit(2);
        }
    }

    private static void start() throws Exception {
        Lab.Cluster cluster = Main.cluster();
        try (Lab lab = new Lab(cluster, "main")) {
            lab.producer(); // keeps the shared remoting connection
            List<Scenario> together = new ArrayList<>(GrpcSharing.scenarios());
            together.addAll(GrpcTransacting.scenarios());
            together.addAll(GrpcOrdering.scenarios());
            together.addAll(GrpcCrossing.scenarios());
            together.addAll(GrpcSending.scenarios());
            together.addAll(GrpcNewer.scenarios());
            Main main = new Main(cluster);
            main.runAll(Pattern.compile(System.getenv("INTEROP_ONLY")), together, GrpcSharing.alone());
            main.exit();
        }
    }
}
