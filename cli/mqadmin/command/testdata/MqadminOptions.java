// Prints the options of RocketMQ's mqadmin as options.txt has them and, of the command lines of lines.txt on standard input, what mqadmin
// makes of them, as parsed.txt has it:
//
//   java -cp 'JARS/*' MqadminOptions.java > options.txt
//   java -cp 'JARS/*' MqadminOptions.java parse < lines.txt > parsed.txt
//
// JARS is a directory with rocketmq-tools 5.5.0 and what it needs.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.OptionGroup;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.apache.rocketmq.srvutil.ServerUtil;
import org.apache.rocketmq.tools.command.MQAdminStartup;
import org.apache.rocketmq.tools.command.SubCommand;

public class MqadminOptions {
    public static void main(String[] args) throws Exception {
        TreeMap<String, SubCommand> all = new TreeMap<>();
        for (SubCommand c : commands()) {
            all.put(c.commandName(), c);
        }
        if (args.length == 0) {
            for (SubCommand c : all.values()) {
                print(c);
            }
            return;
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.trim().split(" +");
            SubCommand c = all.get(words[0]);
            String[] rest = new String[words.length - 1];
            for (int i = 0; i < rest.length; i++) {
                rest[i] = words[i + 1].replace('_', ' ');
            }
            System.out.println(line + " => " + parse(c, rest));
        }
    }

    static String parse(SubCommand c, String[] words) {
        try {
            CommandLine parsed = new DefaultParser().parse(c.buildCommandlineOptions(ServerUtil.buildCommandlineOptions(new Options())), words);
            TreeMap<String, String> values = new TreeMap<>();
            for (Option o : parsed.getOptions()) {
                String name = (o.getLongOpt() != null ? o.getLongOpt() : o.getOpt()).trim();
                List<String> list = o.getValuesList();
                values.put(name, list.isEmpty() ? "" : list.get(list.size() - 1));
            }
            return values + " " + parsed.getArgList();
        } catch (ParseException e) {
            return "! " + e.getMessage();
        }
    }

    @SuppressWarnings("unchecked")
    static List<SubCommand> commands() throws Exception {
        MQAdminStartup.initCommand();
        Field f = MQAdminStartup.class.getDeclaredField("SUB_COMMANDS");
        f.setAccessible(true);
        return new ArrayList<>((List<SubCommand>) f.get(null));
    }

    static void print(SubCommand c) {
        Options options = c.buildCommandlineOptions(new Options());
        System.out.println(c.commandName() + (c.commandAlias() == null ? "" : " " + c.commandAlias()));
        TreeMap<String, String> lines = new TreeMap<>();
        for (Option o : options.getOptions()) {
            OptionGroup g = options.getOptionGroup(o);
            String kind = o.isRequired() ? " required" : "";
            if (g != null) {
                kind = g.isRequired() ? " choice" : " choice-or-none";
            }
            lines.put(o.getOpt() + "/" + o.getLongOpt(), "  " + o.getOpt() + " " + o.getLongOpt().trim().replace(' ', '_') + (o.hasArg() ? " value" : "") + kind);
        }
        lines.values().forEach(System.out::println);
    }
}
