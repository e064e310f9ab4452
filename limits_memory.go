package aerobee

import "github.com/aerobee-mq/aerobee/protocol"

// maxRegister is what the body of one registration may become at the NameServer, in bytes. What is made of it takes 16 times as much:
// together a quarter of the memory.
func maxRegister(memoryLimit int64) int64 {
	const least = 1 << 20
	if memoryLimit <= 0 {
		return protocol.MaxRegisterBytes
	}
	return min(max(memoryLimit/64, least), protocol.MaxRegisterBytes)
}

// maxRows is how many topics of other nodes' brokers the NameServer keeps. Each takes half a KiB: an eighth of the memory.
func maxRows(memoryLimit int64) int {
	const least, most = 16 << 10, 1 << 20
	if memoryLimit <= 0 {
		return most
	}
	return int(min(max(memoryLimit/8/512, least), most))
}
