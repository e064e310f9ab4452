// Package config owns every setting of an Aerobee node: its type, its default, its Apache name and where its value came
// from. The command line and the root package read settings through it and nobody else parses any.
//
// Values come, in rising order, from defaults, an Apache-style properties file, environment variables and flags. [Keys]
// is the one table of all keys; a key that Apache RocketMQ knows and that means nothing here stands in it too, with the
// reason. A [Config] is a plain value; all functions are safe to call at once.
package config
