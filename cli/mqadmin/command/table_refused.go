package command

// refusedCommands are those of what Aerobee does not have. Their options are understood, so that the refusal is what one reads.
func refusedCommands() []command {
	const (
		controller = "brokers are led by RocketMQ's controller there, and Aerobee has none; mqadmin does it"
		container  = "it is about several brokers in one RocketMQ container; start another `aerobee serve` instead"
		rocks      = "it is about RocketMQ's store in RocksDB, which Aerobee does not have; `aerobee store verify` checks a store"
		slaves     = "Aerobee's brokers have no replicas that confirm a flush"
	)
	address := need("a", "controllerAddress", "address of the controller")
	name, interval := may("b", "brokerName", "name of the broker"), may("i", "interval", "again every so many seconds")
	return []command{
		{name: "addBroker", about: "Add a broker to a container", refused: container,
			options: []option{need("c", "brokerContainerAddr", "address of the container"), need("b", "brokerConfigPath", "configuration of the broker")}},
		{name: "removeBroker", about: "Remove a broker from a container", refused: container,
			options: []option{need("c", "brokerContainerAddr", "address of the container"), need("b", "brokerIdentity", "cluster:broker:id")}},
		{name: "getSyncStateSet", about: "Show the replicas that are in step", refused: controller,
			options: []option{address, may("c", "clusterName", "name of the cluster"), name, interval}},
		{name: "getControllerMetaData", about: "Show who leads the controllers", refused: controller, options: []option{address}},
		{name: "getControllerConfig", about: "Show the configuration of controllers", refused: controller, options: []option{address}},
		{name: "updateControllerConfig", about: "Change a setting of controllers", refused: controller,
			options: []option{address, need("k", "key", "name of the setting"), need("v", "value", "its value")}},
		{name: "electMaster", about: "Make a broker the master", refused: controller,
			options: []option{address, need("b", "brokerId", "id of the broker"), need("bn", "brokerName", "name of the broker"), need("c", "clusterName", "name of the cluster")}},
		{name: "cleanBrokerMetadata", about: "Have the controller forget brokers", refused: controller,
			options: []option{address, may("b", "brokerControllerIdsToClean", "ids"), need("bn", "brokerName", "name of the broker"),
				may("c", "clusterName", "name of the cluster"), flag("l", "cleanLivingBroker", "living ones too")}},
		{name: "getBrokerEpoch", about: "Show the epochs of brokers", refused: controller, choices: [][]string{{"brokerName", "clusterName"}}, options: []option{may("c", "clusterName", "name of the cluster"), name, interval}},
		{name: "resetMasterFlushOffset", about: "Tell a replica how far its master has flushed", refused: slaves,
			options: []option{brokerAddr(), may("o", "offset", "the offset")}},
		{name: "exportMetadataInRocksDB", about: "Print configuration out of RocksDB", refused: rocks,
			options: []option{need("p", "path", "directory"), need("t", "configType", "what to print"), may("j", "jsonEnable", "as JSON: true or false")}},
		{name: "rocksDBConfigToJson", about: "Export configuration out of RocksDB", refused: rocks,
			options: []option{may("t", "configType", "what to export"), may("p", "configPath", "directory"), may("e", "exportFile", "file to write"),
				may("j", "jsonEnable", "as JSON: true or false"), may("c", "cluster", "name of the cluster"), brokerAddr()}},
		{name: "checkRocksdbCqWriteProgress", about: "Compare queues in RocksDB with those in files", refused: rocks,
			options: []option{need("c", "cluster", "name of the cluster"), may("t", "topic", "name of the topic"), may("cf", "checkFrom", "time to begin at")}},
		{name: "switchTimerEngine", about: "Move timers between files and RocksDB", refused: rocks, choices: place(),
			options: []option{brokerAddr(), clusterName(), need("e", "engineType", "R or F")}},
		{name: "exportPopRecord", about: "Move notes of pops out of RocksDB", refused: rocks,
			options: []option{clusterName(), brokerAddr(), may("d", "dryRun", "change nothing: true or false")}},
		{name: "dumpCompactionLog", about: "Print a file of a compacted topic", refused: "its files are RocketMQ's own; `aerobee store dump` prints a store's records",
			options: []option{may("f", "file", "the file")}},
	}
}
