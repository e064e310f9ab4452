// Package ociimage writes the container image of one static binary: an archive in the layout of the Open Container Initiative, which
// docker, podman, skopeo and containerd load. There is no base image: the only layer has the binary, the names of users that look theirs
// up, and a directory for data in which any user may write. The same binaries make the same bytes.
//
// Package mkimage, the program behind `make image`, calls it. [Write] keeps nothing and is safe to call at once.
package ociimage

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
)

// Binary is the program for one architecture, by Go's name for it: "amd64", "arm64".
type Binary struct {
	Arch    string
	Program []byte
}

// Image says what the image is and how it is run.
type Image struct {
	// Name is what a loaded image is called, "aerobee:1.2.3"; Version goes into its labels.
	Name, Version string
	// Path is where the program lies, and what is run; Args are its arguments unless somebody gives others.
	Path string
	Args []string
	// Data is the directory in which the program starts; any user may write there.
	Data string
	// Ports are those that it listens on, "9876/tcp".
	Ports []string
	// Binaries are one or more, all for Linux.
	Binaries []Binary
}

// Aerobee is the image of a node that keeps its store in /data/store, without binaries yet.
func Aerobee(version string) Image {
	return Image{
		Name: "aerobee:" + version, Version: version, Path: "/usr/local/bin/aerobee", Args: []string{"serve", "--data", "/data/store"},
		Data: "/data", Ports: []string{"8081/tcp", "9876/tcp", "10909/tcp", "10911/tcp"},
	}
}

// user is who runs the program unless somebody says otherwise: nobody in particular, and not root.
const user = "65532"

const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// epoch is the time of everything in an image: what counts is what is in it.
const epoch = "1970-01-01T00:00:00Z"

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type imageConfig struct {
	Created      string    `json:"created"`
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Config       runConfig `json:"config"`
	RootFS       rootFS    `json:"rootfs"`
}

type runConfig struct {
	User         string              `json:"User"`
	ExposedPorts map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env          []string            `json:"Env"`
	Entrypoint   []string            `json:"Entrypoint"`
	Cmd          []string            `json:"Cmd,omitempty"`
	WorkingDir   string              `json:"WorkingDir"`
	Labels       map[string]string   `json:"Labels"`
	StopSignal   string              `json:"StopSignal"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// Write writes the archive, uncompressed: its layers are compressed already. Errors name the architecture.
func Write(w io.Writer, img Image) error {
	if len(img.Binaries) == 0 {
		return fmt.Errorf("ociimage: %s has no binary", img.Name)
	}
	a := &archive{out: tar.NewWriter(w), have: map[string]bool{}}
	a.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	all := index{SchemaVersion: 2, MediaType: typeIndex}
	for _, b := range img.Binaries {
		d, err := a.platform(img, b)
		if err != nil {
			return fmt.Errorf("ociimage: %s: %w", b.Arch, err)
		}
		all.Manifests = append(all.Manifests, d)
	}
	// The index of an archive has one entry, or tools do not know which one is meant: the index of the architectures.
	named := a.json(typeIndex, all)
	// Docker and containerd want a name as they complete it, podman completes it itself.
	named.Annotations = map[string]string{"io.containerd.image.name": "docker.io/library/" + img.Name, "org.opencontainers.image.ref.name": img.Name}
	text, err := json.Marshal(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{named}})
	if err != nil {
		return fmt.Errorf("ociimage: %w", err)
	}
	a.file("index.json", text)
	if a.err != nil {
		return fmt.Errorf("ociimage: %w", a.err)
	}
	if err := a.out.Close(); err != nil {
		return fmt.Errorf("ociimage: %w", err)
	}
	return nil
}

// archive writes files until the first error.
type archive struct {
	out  *tar.Writer
	have map[string]bool // by digest
	err  error
}

func (a *archive) file(name string, content []byte) {
	if a.err != nil {
		return
	}
	a.err = a.out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR})
	if a.err == nil {
		_, a.err = a.out.Write(content)
	}
}

// blob writes content under its digest.
func (a *archive) blob(mediaType string, content []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
	if !a.have[d.Digest] {
		a.have[d.Digest] = true
		a.file("blobs/"+strings.Replace(d.Digest, ":", "/", 1), content)
	}
	return d
}

func (a *archive) json(mediaType string, v any) descriptor {
	text, err := json.Marshal(v)
	if a.err == nil {
		a.err = err
	}
	return a.blob(mediaType, text)
}

// platform writes what belongs to one architecture.
func (a *archive) platform(img Image, b Binary) (descriptor, error) {
	files, err := layer(img, b.Program)
	if err != nil {
		return descriptor{}, err
	}
	packed, err := compress(files)
	if err != nil {
		return descriptor{}, err
	}
	ports := map[string]struct{}{}
	for _, p := range img.Ports {
		ports[p] = struct{}{}
	}
	config := a.json(typeConfig, imageConfig{
		Created: epoch, Architecture: b.Arch, OS: "linux", RootFS: rootFS{"layers", []string{digest(files)}},
		Config: runConfig{
			User: user + ":" + user, ExposedPorts: ports, Env: []string{"PATH=" + path.Dir(img.Path), "HOME=" + img.Data},
			Entrypoint: []string{img.Path}, Cmd: img.Args, WorkingDir: img.Data, StopSignal: "SIGTERM",
			Labels: map[string]string{"org.opencontainers.image.title": path.Base(img.Path), "org.opencontainers.image.version": img.Version, "org.opencontainers.image.licenses": "Apache-2.0"},
		}})
	d := a.json(typeManifest, manifest{SchemaVersion: 2, MediaType: typeManifest, Config: config, Layers: []descriptor{a.blob(typeLayer, packed)}})
	d.Platform = &platform{Architecture: b.Arch, OS: "linux"}
	return d, nil
}

// layer is the file system: sorted, without times, owned by root.
func layer(img Image, program []byte) ([]byte, error) {
	name := path.Base(img.Path)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{}
	add := func(name string, mode int64, content []byte) error {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: int64(len(content)), Format: tar.FormatUSTAR}
		if content == nil {
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	var folder func(dir string, mode int64) error
	folder = func(dir string, mode int64) error {
		if dir == "/" || made[dir] {
			return nil
		}
		made[dir] = true
		if err := folder(path.Dir(dir), 0o755); err != nil {
			return err
		}
		return add(dir, mode, nil)
	}
	passwd := "root:x:0:0:root:/:/sbin/nologin\n" + name + ":x:" + user + ":" + user + ":" + name + ":" + img.Data + ":/sbin/nologin\n"
	for _, f := range []struct {
		name    string
		mode    int64
		content string
	}{
		{"/etc/group", 0o644, "root:x:0:\n" + name + ":x:" + user + ":\n"},
		{"/etc/passwd", 0o644, passwd},
		{img.Path, 0o755, string(program)},
	} {
		if err := folder(path.Dir(f.name), 0o755); err != nil {
			return nil, err
		}
		if err := add(f.name, f.mode, []byte(f.content)); err != nil {
			return nil, err
		}
	}
	// Clusters choose users at random: as in /tmp, everybody writes what is then his own.
	if err := folder(img.Data, 0o1777); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func compress(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
