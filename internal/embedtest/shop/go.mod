module example.com/shop

go 1.26.0

require github.com/aerobee-mq/aerobee v0.0.0

replace github.com/aerobee-mq/aerobee => ../../..
