package blender

func fakeBlender(mode string, args []string) int { return 1 }
