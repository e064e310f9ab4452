// Package mqadmin is RocketMQ's mqadmin 5.5.0 inside of the aerobee binary: the same commands, options and fields, for scripts and
// hands that know them, without a JVM's four seconds. It owns what each command does and prints; the table of commands and
// their options is package command's. Package cli calls [Run], once in a process; all of it is safe to call at once.
//
// What is different from mqadmin, on purpose:
//   - A failure is told on standard error, in one line, and ends with exit code 1; wrong usage with 2. mqadmin prints a stack
//     trace and ends with 0.
//   - --json prints what was found as one line of JSON instead, with the columns' names as keys.
//   - Lists are sorted, where mqadmin prints them in the order of a hash table.
//   - A change of one thing leaves the others alone: updateTopicPerm keeps order and attributes, cloneGroupOffset copies the named
//     topic only, an offset of 0 can be reset to.
//   - Reading a group's configuration never makes the group.
//   - What belongs to RocketMQ's controller, containers and RocksDB is refused in one line, and so are static topics that lie on several brokers.
package mqadmin
