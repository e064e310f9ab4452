package mqadmin_test

import "testing"

func TestStatistics(t *testing.T) {
	l := newLab(t)
	l.run("updateSubGroup -b ADDR -g billing")
	l.run("sendMessage -t Orders -p hello")
	l.run("resetOffsetByTime -g billing -t Orders -s 1")
	l.run("statsAll", "#Topic", "#Consumer Group", "#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour\n", "Orders", "billing", "1 ")
	l.run("statsAll -a -t Orders", "#Topic")
	l.run("brokerConsumeStats -b ADDR", "#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime\n", "Diff Total: ")
	l.run("haStatus -b ADDR", "#MasterAddr\t"+l.addr+"\n#MasterCommitLogMaxOffset\t", "#SlaveNum\t0\n#InSyncSlaveNum\t0\n#SlaveAddr", "#SlaveAckOffset", "#TransferFromWhere\n")
	l.run("getColdDataFlowCtrInfo -b ADDR", " ============"+l.addr+"============\n{\n\t\"runtimeTable\":{},\n")
	l.run("getColdDataFlowCtrInfo -c DefaultCluster", " ============Master: "+l.addr+"============\n{\n\t\"runtimeTable\":{},\n")
	l.run("setCommitLogReadAheadMode -c DefaultCluster -m 0", " ============Master: "+l.addr+"============\ncommitLog set readAhead mode rstStr")
	l.run("updateColdDataFlowCtrGroupConfig -b ADDR -g billing -v 1048576", "updateColdDataFlowCtrGroupConfig success, "+l.addr)
	l.run("removeColdDataFlowCtrGroupConfig -b ADDR -g billing", "remove broker cold read threshold success, "+l.addr)
	l.run("cleanExpiredCQ -b ADDR", "success\n")
	l.run("cleanUnusedTopic -c DefaultCluster", "success\n")
	l.run("deleteExpiredCommitLog", "success\n")
	l.run("updateBrokerConfig -b ADDR -k fileReservedTime -v 48", "update broker config success, "+l.addr)
}
