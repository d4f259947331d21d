// The Lua of Argo CD, for the tests of deploy/gitops.
module flagpost.dev/test/controlplane/lua

go 1.26.0

require github.com/yuin/gopher-lua v1.1.1
