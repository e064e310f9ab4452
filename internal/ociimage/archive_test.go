package ociimage_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/aerobee-mq/aerobee/internal/ociimage"
)

// reader is an archive as a tool that loads it sees it: files by their names.
type reader struct {
	t     *testing.T
	files map[string][]byte
}

func read(t *testing.T, archive []byte) reader {
	t.Helper()
	r := reader{t, map[string][]byte{}}
	for files := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return r
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.files[h.Name], err = io.ReadAll(files); err != nil {
			t.Fatal(err)
		}
	}
}

// reference is a descriptor, as far as who follows it needs it.
type reference struct {
	MediaType   string
	Digest      string
	Size        int
	Annotations map[string]string
	Platform    struct{ Architecture, OS string }
}

// blob is what a descriptor leads to: it must be what the descriptor says.
func (r reader) blob(d reference) []byte {
	r.t.Helper()
	b, ok := r.files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
	sum := sha256.Sum256(b)
	if !ok || len(b) != d.Size || d.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		r.t.Fatalf("%+v leads to %d bytes with the sum %x", d, len(b), sum)
	}
	return b
}

func (r reader) decode(text []byte, into any) {
	r.t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		r.t.Fatalf("%v in %s", err, text)
	}
}

// config is how a container is run.
type config struct {
	Architecture, OS string
	Config           struct {
		User, WorkingDir, StopSignal string
		Env, Entrypoint, Cmd         []string
		ExposedPorts                 map[string]struct{}
	}
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	}
}

// platform finds an architecture: how it is run, and the files of its layer as tar.
func (r reader) platform(arch string) (config, []byte) {
	r.t.Helper()
	var top, all struct{ Manifests []reference }
	r.decode(r.files["index.json"], &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "aerobee:1.2.3" {
		r.t.Fatalf("index.json: %+v", top)
	}
	r.decode(r.blob(top.Manifests[0]), &all)
	for _, d := range all.Manifests {
		if d.Platform.Architecture != arch || d.Platform.OS != "linux" {
			continue
		}
		var m struct {
			Config reference
			Layers []reference
		}
		r.decode(r.blob(d), &m)
		var c config
		r.decode(r.blob(m.Config), &c)
		if len(m.Layers) != 1 || len(c.RootFS.DiffIDs) != 1 || c.Architecture != arch {
			r.t.Fatalf("manifest %+v, config %+v", m, c)
		}
		z, err := gzip.NewReader(bytes.NewReader(r.blob(m.Layers[0])))
		if err != nil {
			r.t.Fatal(err)
		}
		files, err := io.ReadAll(z)
		if err != nil {
			r.t.Fatal(err)
		}
		sum := sha256.Sum256(files)
		if want := "sha256:" + hex.EncodeToString(sum[:]); c.RootFS.DiffIDs[0] != want {
			r.t.Fatalf("the layer is %s, the config says %s", want, c.RootFS.DiffIDs[0])
		}
		return c, files
	}
	r.t.Fatalf("no %s in %+v", arch, all)
	return config{}, nil
}

// unpack writes a layer's files into dir, with their modes.
func unpack(t *testing.T, layer []byte, dir string) {
	t.Helper()
	for files := tar.NewReader(bytes.NewReader(layer)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(at, 0o700)
		} else {
			var content []byte
			if content, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(at, content, 0o600)
			}
		}
		if err == nil {
			err = os.Chmod(at, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, binaries ...ociimage.Binary) []byte {
	t.Helper()
	img := ociimage.Aerobee("1.2.3")
	img.Binaries = binaries
	var out bytes.Buffer
	if err := ociimage.Write(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWrite(t *testing.T) {
	binaries := []ociimage.Binary{{Arch: "amd64", Program: []byte("for one")}, {Arch: "arm64", Program: []byte("for the other")}}
	archive := write(t, binaries...)
	r := read(t, archive)
	for _, b := range binaries {
		c, layer := r.platform(b.Arch)
		if diff := cmp.Diff([]string{"/usr/local/bin/aerobee", "serve", "--data", "/data/store"}, append(c.Config.Entrypoint, c.Config.Cmd...)); diff != "" {
			t.Error(diff)
		}
		if c.Config.User != "65532:65532" || c.Config.WorkingDir != "/data" || c.Config.StopSignal != "SIGTERM" || len(c.Config.ExposedPorts) != 4 {
			t.Errorf("%+v", c)
		}
		var got []string
		for files := tar.NewReader(bytes.NewReader(layer)); ; {
			h, err := files.Next()
			if err != nil {
				break
			}
			got = append(got, h.FileInfo().Mode().String()+" "+h.Name)
			if content, _ := io.ReadAll(files); strings.HasSuffix(h.Name, "/aerobee") && !bytes.Equal(content, b.Program) {
				t.Errorf("%s holds %q", b.Arch, content)
			}
		}
		want := []string{"drwxr-xr-x etc/", "-rw-r--r-- etc/group", "-rw-r--r-- etc/passwd", "drwxr-xr-x usr/", "drwxr-xr-x usr/local/",
			"drwxr-xr-x usr/local/bin/", "-rwxr-xr-x usr/local/bin/aerobee", "dtrwxrwxrwx data/"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if !bytes.Equal(archive, write(t, binaries...)) {
		t.Error("the same binaries make another archive")
	}
	if err := ociimage.Write(io.Discard, ociimage.Aerobee("1")); err == nil || !strings.Contains(err.Error(), "no binary") {
		t.Errorf("an image without a binary: %v", err)
	}
}
