// Command mkimage writes the container image of Aerobee, from binaries that are there already: `make image` calls it.
//
//	mkimage -o bin/aerobee-image.tar -version 1.2.3 amd64=bin/aerobee-linux-amd64 arm64=bin/aerobee-linux-arm64
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/aerobee-mq/aerobee/internal/ociimage"
)

func main() {
	out := flag.String("o", "aerobee-image.tar", "`FILE` to write")
	version := flag.String("version", "dev", "version of the image, its tag as well")
	flag.Parse()
	if err := run(*out, *version, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(out, version string, binaries []string) error {
	img := ociimage.Aerobee(version)
	for _, b := range binaries {
		arch, file, ok := strings.Cut(b, "=")
		if !ok {
			return fmt.Errorf("%q is not ARCH=FILE", b)
		}
		program, err := os.ReadFile(file) // #nosec G304 -- who calls the program names the file
		if err != nil {
			return err
		}
		img.Binaries = append(img.Binaries, ociimage.Binary{Arch: arch, Program: program})
	}
	var image bytes.Buffer
	if err := ociimage.Write(&image, img); err != nil {
		return err
	}
	fmt.Printf("%s: %s, %.1f MB compressed for %d architectures\n", out, img.Name, float64(image.Len())/1e6, len(img.Binaries))
	return os.WriteFile(out, image.Bytes(), 0o644) // #nosec G306 -- an image is there to be handed on
}
